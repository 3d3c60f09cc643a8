//! Records that were changed manually are never claimable, unless they were claimable before.

use proptest::prelude::*;
use serde_json::json;

use super::world::{World, config, events};
use super::*;

/// One change of a JSON value.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    /// Adds a copy of the value to the array that contains it.
    Repeat,
    /// Swaps the value with the next one in the array.
    Swap,
}

fn change() -> impl Strategy<Value = Change> {
    let words = prop::sample::select(vec![
        json!(null),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(true),
        json!(false),
        json!(""),
        json!("attempt-0"),
        json!("attempt-1"),
        json!("2026-01-05T00:00:00Z"),
        json!([]),
        json!({}),
        json!("Claimed"),
        json!("NotSent"),
        json!("Rejected"),
        json!("Unknown"),
        json!("Authorised"),
        json!("Created"),
        json!("Dismissed"),
        json!("created"),
        json!("send-again"),
        json!("dismiss"),
        json!("Person"),
        json!("Policy"),
        json!("unavailable"),
        json!("no_outcome"),
    ]);
    prop_oneof![
        2 => Just(Change::Remove),
        8 => words.prop_map(Change::Replace),
        1 => Just(Change::Repeat),
        1 => Just(Change::Swap),
    ]
}

/// JSON Pointers to every place in a value; the root first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            (0..).zip(items).for_each(|(n, value): (usize, _)| places(value, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

fn forge(record: &mut Value, place: usize, change: &Change) {
    let mut found = vec![];
    places(record, "", &mut found);
    let pointer = &found[place % found.len()];
    if let Change::Replace(value) = change {
        *record.pointer_mut(pointer).unwrap() = value.clone();
        return;
    }
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    match record.pointer_mut(parent).unwrap() {
        Value::Object(fields) if matches!(change, Change::Remove) => {
            fields.remove(last);
        }
        Value::Array(items) => {
            let place: usize = last.parse().unwrap();
            match change {
                Change::Remove => {
                    items.remove(place);
                }
                Change::Repeat => items.push(items[place].clone()),
                Change::Swap => {
                    let other = (place + 1) % items.len();
                    items.swap(place, other);
                }
                Change::Replace(_) => {}
            }
        }
        _ => {}
    }
}

fn hold() -> Policy {
    Policy { audience: attempt("a").policy, allowed: false }
}

fn decided(record: &Value) -> Decision {
    let receipt = read(record);
    decide(Some(receipt.as_ref().map_err(|why| *why)), &hold(), |_| std::time::Duration::MAX)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_single_manual_change_makes_a_record_claimable(
        events in events(), changes in prop::collection::vec((any::<usize>(), change()), 16),
    ) {
        let mut world = World::default();
        events.iter().for_each(|event| { world.apply(event); });
        let Some(genuine) = world.stored else { return Ok(()) };
        let before = decided(&genuine);
        for (place, change) in changes {
            let mut forged = genuine.clone();
            forge(&mut forged, place, &change);
            if decided(&forged) == Decision::Claim {
                prop_assert_eq!(&before, &Decision::Claim, "{:?} made {}", change, forged);
                prop_assert_eq!(&forged["state"], &genuine["state"]);
            }
        }
    }

    #[test]
    fn a_receipt_that_can_be_read_is_valid_whatever_was_changed(
        events in events(), changes in prop::collection::vec((any::<usize>(), change()), 1..6),
    ) {
        let mut world = World::default();
        events.iter().for_each(|event| { world.apply(event); });
        let Some(mut forged) = world.stored else { return Ok(()) };
        for (place, change) in &changes {
            forge(&mut forged, *place, change);
        }
        let Ok(receipt) = read(&forged) else { return Ok(()) };
        let Receipt { record, summary, .. } = receipt;
        prop_assert_eq!(summary, RecordSummary::of(&record));
        prop_assert_eq!(record.state, summary.state);
        let again = read(&stored(&record)).unwrap();
        prop_assert_eq!(&again.record, &record, "a record is equal after it is stored and read again");
        if decide(Some(Ok(&again)), &hold(), |_| std::time::Duration::MAX) == Decision::Claim {
            prop_assert!(record.open_attempt().is_none());
            prop_assert_eq!(summary.creates, 0);
        }
    }

    #[test]
    fn no_text_in_place_of_a_record_is_claimable(text in ".{0,40}", number in any::<i64>()) {
        let texts = [
            json!(text),
            json!(number),
            json!([text]),
            json!({"formatVersion": 1, "state": text}),
            json!({ text: number }),
        ];
        for record in texts {
            prop_assert!(matches!(decided(&record), Decision::Unreadable(_)), "{}", record);
        }
    }
}
