#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::audience::{Field, Kind, Member};
use crate::report::plan::OTHER;
use crate::report::{
    AudienceMatcher, DateFormat, EngagementResult, Filter, Group, Metric, NumberFormat, Operation, Plan, Ratio,
};
use crate::report::{MAX_VALUES, PlanError};

fn metric(name: &str, operation: Operation, column: Option<&str>) -> Metric {
    Metric { name: name.to_owned(), operation, column: column.map(str::to_owned), filters: vec![], group_by: None }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn dollars() -> ColumnFormat {
    ColumnFormat::Number(NumberFormat { group: Some(','), prefix: "$".to_owned(), ..NumberFormat::default() })
}

fn summary<'a>(plan: &Plan, rows: impl IntoIterator<Item = Vec<(&'a str, Cell<'a>)>>) -> Summary {
    let mut summariser = Summariser::new(Arc::new(Binding::new(plan.clone()).unwrap()));
    for row in rows {
        summariser.push(&named(row));
    }
    summariser.finish()
}

fn named<'a>(row: Vec<(&'a str, Cell<'a>)>) -> Vec<(Cow<'a, str>, Cell<'a>)> {
    row.into_iter().map(|(name, cell)| (name.into(), cell)).collect()
}

fn number(summary: &Summary, name: &str, group: &str) -> Option<f64> {
    match summary.values.get(&(name.to_owned(), group.to_owned()))? {
        Value::Number(number) => Some(*number),
        Value::Date(_) => None,
    }
}

#[test]
fn metrics_are_computed_from_declared_columns() {
    let day = ColumnFormat::Date(DateFormat("%Y-%m-%d".to_owned()));
    let by_channel =
        Some(Group { column: "Channel".to_owned(), values: vec!["display".to_owned(), "video".to_owned()] });
    let clicks_of_video = Filter { column: "Channel".to_owned(), values: vec!["video".to_owned()] };
    let plan = Plan {
        formats: [("Spend".to_owned(), dollars()), ("Day".to_owned(), day)].into(),
        metrics: vec![
            metric("rows", Operation::Count, None),
            metric("accounts", Operation::Distinct, Some("Account")),
            metric("first", Operation::Min, Some("Day")),
            metric("last_clicks", Operation::Last, Some("Clicks")),
            Metric { group_by: by_channel.clone(), ..metric("spend", Operation::Sum, Some("Spend")) },
            Metric { group_by: by_channel, ..metric("clicks", Operation::Sum, Some("Clicks")) },
            Metric { filters: vec![clicks_of_video], ..metric("video_clicks", Operation::Max, Some("Clicks")) },
        ],
        ratios: vec![Ratio { name: "cpc".to_owned(), numerator: "spend".to_owned(), denominator: "clicks".to_owned() }],
        newest: Some("Day".to_owned()),
    };
    let row = |account, channel, spend, clicks: f64, day| {
        vec![
            ("Account", text(account)),
            ("Channel", text(channel)),
            ("Spend", text(spend)),
            ("Clicks", Cell::Number(clicks)),
            ("Day", text(day)),
        ]
    };
    let rows = [
        row("a.example.com", "display", "$1,000.50", 10.0, "2026-11-24"),
        row("b.example.com", "video", "$20", 4.0, "2026-11-25"),
        row("a.example.com", " video ", "oops", 6.0, "2026-11-23"),
        row("c.example.com", "audio", "", 0.0, "soon"),
    ];
    let summary = summary(&plan, rows);
    for (name, group, wanted) in [
        ("rows", "", Some(4.0)),
        ("accounts", "", Some(3.0)),
        ("last_clicks", "", Some(0.0)),
        ("spend", "display", Some(1000.5)),
        ("spend", "video", Some(20.0)),
        ("spend", "other", None),
        ("clicks", "video", Some(10.0)),
        ("video_clicks", "", Some(6.0)),
        ("cpc", "display", Some(100.05)),
        ("cpc", "video", Some(2.0)),
    ] {
        assert_eq!(number(&summary, name, group), wanted, "{name} {group}");
    }
    assert_eq!(summary.newest.unwrap().to_string(), "2026-11-25T00:00:00Z");
    let first = summary.values[&("first".to_owned(), String::new())];
    assert_eq!(first, Value::Date("2026-11-23T00:00:00Z".parse().unwrap()));
    assert_eq!((summary.columns["Spend"].unparsed, summary.columns["Day"].unparsed), (1, 1));
    assert!(summary.missing.is_empty() && summary.rows == 4);
}

#[test]
fn a_text_without_a_declared_format_is_never_a_number() {
    let plan = Plan { metrics: vec![metric("sum", Operation::Sum, Some("n"))], ..Plan::default() };
    let rows = [
        vec![("n", text("12"))],
        vec![("n", Cell::Bool(true))],
        vec![("n", Cell::Number(f64::NAN))],
        vec![("n", Cell::Number(1e300))],
    ];
    let summary = summary(&plan, rows);
    assert_eq!(number(&summary, "sum", ""), Some(0.0));
    assert_eq!((summary.columns["n"].parsed, summary.columns["n"].unparsed), (0, 4));
    assert_eq!(summary.unreadable, ["n"]);
}

#[test]
fn the_summary_has_columns_with_their_types_and_a_fingerprint() {
    let rows = |cell| [vec![("a", Cell::Number(1.0)), ("b", cell)], vec![("a", Cell::Nothing), ("a", text("twice"))]];
    let plan = Plan { formats: [("z".to_owned(), dollars())].into(), ..Plan::default() };
    let one = summary(&plan, rows(text("x")));
    assert_eq!(one.columns["a"].kinds, Kinds { text: true, number: true, ..Kinds::default() });
    assert_eq!(one.missing, ["z"]);
    let same = summary(&plan, rows(text("another")));
    let other = summary(&plan, rows(Cell::Nested));
    assert_eq!(one.fingerprint, same.fingerprint);
    assert_ne!(one.fingerprint, other.fingerprint);
    let many: Vec<String> = (0..2_000).map(|column| format!("c{column}")).collect();
    let wide = summary(&Plan::default(), [many.iter().map(|name| (name.as_str(), Cell::Nothing)).collect()]);
    assert_eq!(wide.columns.len(), MAX_COLUMNS);
}

#[test]
fn zero_rows_are_valid_and_a_round_number_of_rows_is_suspicious() {
    let plan = Plan {
        metrics: vec![metric("rows", Operation::Count, None)],
        formats: [("Day".to_owned(), ColumnFormat::Date(DateFormat("%Y-%m-%d".to_owned())))].into(),
        newest: Some("Day".to_owned()),
        ..Plan::default()
    };
    let none = summary(&plan, []);
    assert_eq!(number(&none, "rows", ""), Some(0.0));
    assert!(none.missing.is_empty() && !none.possibly_truncated);
    let suspicious: Vec<_> = (0..3_000).filter(|rows| is_suspicious(*rows)).collect();
    assert_eq!(suspicious, [100, 200, 500, 1_000, 2_000]);
    assert!(is_suspicious(50_000) && is_suspicious(1_000_000) && !is_suspicious(120_000));
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let ratio = |of: &str| Ratio { name: "r".to_owned(), numerator: of.to_owned(), denominator: "a".to_owned() };
    let a = || metric("a", Operation::Count, None);
    for (metrics, ratios, why) in [
        (vec![metric("a", Operation::Sum, None)], vec![], "metric a needs a column"),
        (vec![a(), a()], vec![], "a is declared twice: give one of them another name"),
        (
            vec![a()],
            vec![ratio("b")],
            "ratio r names b, which isn't a metric: declare it in metrics, or correct the ratio",
        ),
    ] {
        let plan = Plan { metrics, ratios, ..Plan::default() };
        assert_eq!(Binding::new(plan).err().map(|error| error.to_string()).as_deref(), Some(why));
    }
}

#[test]
fn a_plan_with_too_many_values_is_refused() {
    let values = (0..MAX_VALUES).map(|value| value.to_string()).collect();
    let group_by = Some(Group { column: "g".to_owned(), values });
    let plan = Plan { metrics: vec![Metric { group_by, ..metric("a", Operation::Count, None) }], ..Plan::default() };
    assert_eq!(Binding::new(plan).unwrap_err(), PlanError::TooManyValues(MAX_VALUES + 1));
    let dates = [("d".to_owned(), ColumnFormat::Date(DateFormat("%Y-%m-%d".to_owned())))];
    let plan = Plan { formats: dates.into(), metrics: vec![metric("a", Operation::Sum, Some("d"))], ..Plan::default() };
    assert_eq!(Binding::new(plan).unwrap_err(), PlanError::SumOfDates("a".to_owned()));
}

#[test]
fn long_ids_stay_different_and_sums_do_not_depend_on_order() {
    let plan = Plan {
        metrics: vec![metric("ids", Operation::Distinct, Some("id")), metric("sum", Operation::Sum, Some("n"))],
        ..Plan::default()
    };
    let numbers = [0.1, 1e15, 0.2, -1e15, 0.3];
    let rows = |order: &mut dyn Iterator<Item = usize>| {
        let row =
            |n: usize| vec![("id", Cell::Integer(9_007_199_254_740_992 + n as i128)), ("n", Cell::Number(numbers[n]))];
        summary(&plan, order.map(row))
    };
    let (one, other) = (rows(&mut (0..5)), rows(&mut (0..5).rev()));
    assert_eq!(number(&one, "ids", ""), Some(5.0));
    assert!((number(&one, "sum", "").unwrap() - 0.6).abs() < 1e-12);
    assert_eq!(number(&one, "sum", ""), number(&other, "sum", ""));
    let huge = [vec![("id", Cell::Nothing), ("n", Cell::Number(9e17))], vec![("n", Cell::Number(9e17))]];
    assert_eq!(summary(&plan, huge).uncounted, ["sum"]);
}

#[test]
fn rows_of_members_are_aggregated_for_each_audience() {
    let plan = Plan {
        metrics: vec![
            metric("clicks", Operation::Sum, Some("Clicks")),
            metric("sites", Operation::Distinct, Some("Site")),
        ],
        ..Plan::default()
    };
    let mut binding = Binding::new(plan).unwrap();
    let columns = |name: &str| vec![(Field::Website, name.to_owned())];
    let mut sites = AudienceMatcher::new(Kind::Accounts, columns("Site"), &mut binding);
    let mut absent = AudienceMatcher::new(Kind::Accounts, columns("Domain"), &mut binding);
    for members in [vec!["example.com", "example.org", "example.net"], vec!["example.org"], vec![]] {
        sites.add(&binding, members.into_iter().map(Member::account));
    }
    absent.add(&binding, [Member::account("example.com")].into_iter());
    sites.build_index();
    absent.build_index();
    let binding = Arc::new(binding);
    let mut summariser = Summariser::new(Arc::clone(&binding));
    for (number, (site, clicks)) in (1..).zip([
        ("www.example.com", 1.0),
        ("http://example.com/", 2.0),
        ("example.org", 4.0),
        ("example.edu", 8.0),
        ("", 16.0),
    ]) {
        let row = named(vec![("Site", text(site)), ("Clicks", Cell::Number(clicks))]);
        let view = summariser.push(&row);
        sites.push(&binding, number, &view);
        absent.push(&binding, number, &view);
    }
    let numbers = |engagement: &EngagementResult| {
        let value = |name: &str| match engagement.values[&(name.to_owned(), String::new())] {
            Value::Number(number) => number,
            Value::Date(_) => f64::NAN,
        };
        (engagement.members, engagement.rows, value("clicks"), value("sites"))
    };
    let engagement = sites.finish(&binding, |column| summariser.has_seen(column));
    assert_eq!(
        engagement.iter().map(numbers).collect::<Vec<_>>(),
        [(2, 3, 7.0, 3.0), (1, 1, 4.0, 1.0), (0, 0, 0.0, 0.0)]
    );
    let engagement = absent.finish(&binding, |column| summariser.has_seen(column));
    assert_eq!(engagement[0].missing, ["Domain"]);
    assert!(summariser.finish().missing.is_empty());
}

proptest! {
    #[test]
    fn the_sum_of_all_groups_is_the_total(rows in proptest::collection::vec((0_usize..4, -1_000_i32..1_000), 0..200)) {
        const NAMES: [&str; 4] = ["a", "b", "c", "d"];
        let group = Group { column: "g".to_owned(), values: vec!["a".to_owned(), "b".to_owned()] };
        let plan = Plan {
            metrics: vec![
                metric("all", Operation::Sum, Some("n")),
                Metric { group_by: Some(group), ..metric("each", Operation::Sum, Some("n")) },
            ],
            ..Plan::default()
        };
        let row = |(g, n): &(usize, i32)| vec![("g", text(NAMES[*g])), ("n", Cell::Number(f64::from(*n)))];
        let summary = summary(&plan, rows.iter().map(row));
        let each: f64 = ["a", "b", OTHER].iter().filter_map(|group| number(&summary, "each", group)).sum();
        prop_assert_eq!(number(&summary, "all", "").unwrap_or(0.0), each);
        prop_assert!(summary.values.keys().all(|(_, group)| ["", "a", "b", OTHER].contains(&group.as_str())));
    }
}
