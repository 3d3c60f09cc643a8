use serde_json::json;

use super::*;
use crate::api::report::MetricValue;
use crate::controller::fixtures::contacts;
use crate::report::{Value, Values};

/// An audience that names the reports `weekly` and `daily`, with these statuses of them.
fn audience(engagement: Vec<EngagementStatus>) -> Tracked {
    let columns = json!({"email": "Email"});
    let named = json!([{"report": "weekly", "columns": columns}, {"report": "daily", "columns": columns}]);
    let mut audience = contacts(json!({"engagement": named})).audience;
    audience.status.engagement = engagement;
    audience
}

/// The status of a report that matched 2 members.
fn matched(report: &str) -> EngagementStatus {
    let value = MetricValue { name: "visits".into(), group: String::new(), value: "5".into() };
    EngagementStatus {
        report: report.into(),
        members_matched: Some(2),
        rows: Some(4),
        values: vec![value],
        problem: None,
    }
}

fn with_problem(status: EngagementStatus, problem: &str) -> EngagementStatus {
    EngagementStatus { problem: Some(problem.to_owned()), ..status }
}

fn result() -> EngagementResult {
    let values = Values::from([(("visits".into(), String::new()), Value::Number(5.0))]);
    EngagementResult { members: 2, rows: 4, values, ..EngagementResult::default() }
}

fn names(count: usize, name: &str) -> Vec<String> {
    (1..=count).map(|number| format!("{name}{number}")).collect()
}

#[test]
fn every_field_has_its_column_and_accounts_only_their_website() {
    let names = ColumnNames {
        first_name: Some("a".into()),
        last_name: Some("b".into()),
        company_name: Some("c".into()),
        website: Some("d".into()),
        email: Some("e".into()),
        linkedin_url: Some("f".into()),
    };
    let all = [
        (Field::FirstName, "a"),
        (Field::LastName, "b"),
        (Field::CompanyName, "c"),
        (Field::Website, "d"),
        (Field::Email, "e"),
        (Field::LinkedinUrl, "f"),
    ];
    let all = all.map(|(field, name)| (field, name.to_owned()));
    assert_eq!(columns(Kind::Contacts, &names), all);
    assert_eq!(columns(Kind::Accounts, &names), all[3..4]);
    let few = ColumnNames { email: Some("e".into()), ..ColumnNames::default() };
    assert_eq!(columns(Kind::Contacts, &few), all[4..5]);
    assert_eq!(columns(Kind::Accounts, &few), []);
}

#[test]
fn columns_that_can_match_no_member_are_reported() {
    use Field::{CompanyName, Email, FirstName, LastName, LinkedinUrl, Website};
    let accounts = Some("accounts are matched by website. Name the column of the website in spec.engagement.");
    let contacts = Some(
        "contacts are matched by linkedinUrl, by email, or by firstName and lastName with website or companyName. Name \
         the columns of one of these in spec.engagement.",
    );
    let table: [(Kind, &[Field], _); 12] = [
        (Kind::Accounts, &[Website], None),
        (Kind::Accounts, &[], accounts),
        (Kind::Accounts, &[Email, LinkedinUrl], accounts),
        (Kind::Contacts, &[LinkedinUrl], None),
        (Kind::Contacts, &[Email], None),
        (Kind::Contacts, &[FirstName, LastName, Website], None),
        (Kind::Contacts, &[FirstName, LastName, CompanyName], None),
        (Kind::Contacts, &[], contacts),
        (Kind::Contacts, &[Website, CompanyName], contacts),
        (Kind::Contacts, &[FirstName, LastName], contacts),
        (Kind::Contacts, &[FirstName, CompanyName], contacts),
        (Kind::Contacts, &[LastName, Website], contacts),
    ];
    for (kind, fields, expected) in table {
        let columns = fields.iter().map(|field| (*field, "x".to_owned())).collect();
        assert_eq!(unmatchable(kind, &columns), expected, "{kind:?} {fields:?}");
    }
}

#[test]
fn an_audience_waits_for_a_report_until_it_has_numbers_or_a_problem() {
    let nothing = empty("weekly");
    let table = [
        (vec![], true),
        (vec![matched("daily")], true),
        (vec![nothing.clone()], true),
        (vec![matched("weekly")], false),
        (vec![with_problem(nothing, "why")], false),
    ];
    for (status, expected) in table {
        assert_eq!(is_waiting(&audience(status.clone()), "weekly"), expected, "{status:?}");
    }
}

#[test]
fn a_result_replaces_the_numbers_of_its_report_alone() {
    let with = |old| with_result(&audience(old), "weekly", &Ok(result()));
    let stale = EngagementStatus { rows: Some(9), ..with_problem(matched("weekly"), "why") };
    assert_eq!(with(vec![]), [matched("weekly")]);
    assert_eq!(with(vec![stale.clone(), matched("daily")]), [matched("weekly"), matched("daily")]);
    assert_eq!(with(vec![matched("daily"), stale]), [matched("weekly"), matched("daily")], "in the order of the spec");
    assert_eq!(with(vec![matched("gone")]), [matched("weekly")], "the spec no longer names it");
    assert_eq!(with_result(&audience(vec![]), "gone", &Ok(result())), []);
}

#[test]
fn numbers_remain_where_a_new_result_is_not_known() {
    let failed = |old| with_result(&audience(old), "weekly", &Err("why".to_owned()));
    assert_eq!(failed(vec![]), [with_problem(empty("weekly"), "why")]);
    assert_eq!(failed(vec![matched("weekly")]), [with_problem(matched("weekly"), "why")]);
}

#[test]
fn what_is_wrong_with_a_match_is_reported_beside_its_numbers() {
    let table = [
        (vec![], vec![], None),
        (
            names(1, "c"),
            names(1, "m"),
            Some(
                "no row of the report has a column c1. Correct spec.engagement: the report's status.columns lists its \
                  columns.",
            ),
        ),
        (
            names(2, "c"),
            vec![],
            Some(
                "no row of the report has any of the columns c1, c2. Correct spec.engagement: the report's \
                 status.columns lists its columns.",
            ),
        ),
        (
            vec![],
            names(2, "m"),
            Some(
                "these metrics have too many different values to be counted for this audience: \
                           m1, m2",
            ),
        ),
    ];
    for (missing, uncounted, problem) in table {
        let result = EngagementResult { missing, uncounted, ..result() };
        let expected = EngagementStatus { problem: problem.map(str::to_owned), ..matched("weekly") };
        assert_eq!(with_result(&audience(vec![]), "weekly", &Ok(result)), [expected]);
    }
}

#[test]
fn a_problem_is_never_longer_than_the_schema_allows() {
    let long = "ä".repeat(200);
    let results = [
        EngagementResult { missing: names(6, &long), ..result() },
        EngagementResult { uncounted: names(32, &long), ..result() },
    ];
    for result in results {
        let status = with_result(&audience(vec![]), "weekly", &Ok(result));
        assert_eq!(status[0].problem.as_ref().map(|problem| problem.chars().count()), Some(512));
    }
}

#[test]
fn reports_that_do_not_exist_are_a_problem_until_they_do() {
    let missing =
        |name| format!("there is no PropensityReport {name} in namespace team. Create it, or correct spec.engagement.");
    let tidied = |old, existing: &[&str]| {
        tidy(&audience(old), &existing.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    let absent = with_problem(empty("weekly"), &missing("weekly"));
    let gone = with_problem(matched("weekly"), &missing("weekly"));
    let both = &["weekly", "daily"][..];
    let table = [
        ("none has been read", vec![], both, vec![]),
        ("both have", vec![matched("weekly"), matched("daily")], both, vec![matched("weekly"), matched("daily")]),
        ("one doesn't exist", vec![], &["daily"], vec![absent.clone()]),
        ("one was deleted", vec![matched("weekly")], &["daily"], vec![gone.clone()]),
        ("one still doesn't exist", vec![gone.clone()], &["daily"], vec![gone.clone()]),
        ("one exists again", vec![gone], both, vec![matched("weekly")]),
        ("one exists now", vec![absent], both, vec![]),
        (
            "another problem remains",
            vec![with_problem(matched("weekly"), "why")],
            both,
            vec![with_problem(matched("weekly"), "why")],
        ),
        ("one that the spec no longer names", vec![matched("gone"), matched("daily")], both, vec![matched("daily")]),
    ];
    for (what, old, existing, expected) in table {
        assert_eq!(tidied(old, existing), expected, "{what}");
    }
}
