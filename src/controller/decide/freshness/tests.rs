use serde_json::json;

use super::*;
use crate::controller::fixtures::report;

#[test]
fn numbers_are_fresh_for_two_intervals() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let table = [
        ("never read", false, None, Freshness::Never, None),
        ("just read", false, Some(minutes(0)), Freshness::Fresh, Some(minutes(120))),
        ("an interval ago", false, Some(minutes(60)), Freshness::Fresh, Some(minutes(60))),
        ("almost two ago", false, Some(minutes(119)), Freshness::Fresh, Some(minutes(1))),
        ("two ago", false, Some(minutes(120)), Freshness::Stale, None),
        ("long ago", false, Some(minutes(9_999)), Freshness::Stale, None),
        ("suspended", true, Some(minutes(0)), Freshness::Suspended, None),
        ("suspended, and never read", true, None, Freshness::Suspended, None),
    ];
    for (what, suspend, age, expected, left) in table {
        let report = report(json!({"interval": "1h", "suspend": suspend}));
        assert_eq!(freshness(&report, age), (expected, left), "{what}");
    }
}
