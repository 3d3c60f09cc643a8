use serde_json::{Value, json};

use super::*;
use crate::controller::fixtures::report;
use crate::report::Binding;

fn of(spec: Value) -> Plan {
    plan(&report(spec).spec)
}

#[test]
fn a_spec_without_metrics_plans_nothing() {
    assert_eq!(of(json!({})), Plan::default());
}

#[test]
fn each_operation_is_the_one_of_the_same_name() {
    let table = [
        ("count", Operation::Count),
        ("distinct", Operation::Distinct),
        ("sum", Operation::Sum),
        ("min", Operation::Min),
        ("max", Operation::Max),
        ("last", Operation::Last),
    ];
    for (name, operation) in table {
        let found = of(json!({"metrics": [{"name": "m", "operation": name, "column": "visits"}]}));
        let metric =
            Metric { name: "m".into(), operation, column: Some("visits".into()), filters: vec![], group_by: None };
        assert_eq!(found, Plan { metrics: vec![metric], ..Plan::default() });
    }
}

#[test]
fn filters_groups_ratios_and_the_newest_column_are_taken_over() {
    let found = of(json!({
        "metrics": [{
            "name": "m",
            "operation": "count",
            "filters": [{"column": "kind", "values": ["a", "b"]}],
            "groupBy": {"column": "country", "values": ["de", "fr"]},
        }],
        "ratios": [{"name": "r", "numerator": "m", "denominator": "n"}],
        "newestColumn": "day",
    }));
    let texts = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
    let metric = Metric {
        name: "m".into(),
        operation: Operation::Count,
        column: None,
        filters: vec![Filter { column: "kind".into(), values: texts(["a", "b"]) }],
        group_by: Some(Group { column: "country".into(), values: texts(["de", "fr"]) }),
    };
    let ratio = Ratio { name: "r".into(), numerator: "m".into(), denominator: "n".into() };
    let newest = Some("day".to_owned());
    assert_eq!(found, Plan { formats: Default::default(), metrics: vec![metric], ratios: vec![ratio], newest });
}

#[test]
fn each_column_has_the_declared_format() {
    let number = |decimal, group, prefix: &str, suffix: &str| {
        ColumnFormat::Number(NumberFormat { decimal, group, prefix: prefix.into(), suffix: suffix.into() })
    };
    let table = [
        (json!({"number": {}}), Some(number('.', None, "", ""))),
        (
            json!({"number": {"decimal": ",", "group": ".", "prefix": "€", "suffix": "%"}}),
            Some(number(',', Some('.'), "€", "%")),
        ),
        (json!({"number": {"decimal": "", "group": ""}}), Some(number('.', Some(','), "", ""))),
        (json!({"date": "%Y-%m-%d"}), Some(ColumnFormat::Date(DateFormat("%Y-%m-%d".into())))),
        (json!({}), None),
    ];
    for (declared, format) in table {
        let mut column = declared.clone();
        column["name"] = json!("c");
        let found = of(json!({"columns": [column]}));
        let formats = format.map(|format| ("c".to_owned(), format)).into_iter().collect();
        assert_eq!(found, Plan { formats, ..Plan::default() }, "{declared}");
        assert!(Binding::new(found).is_ok(), "{declared}");
    }
}
