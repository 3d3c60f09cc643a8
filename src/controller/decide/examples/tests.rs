use std::collections::BTreeSet;

use super::*;
use crate::api::condition::{ConditionType, Reason};

#[test]
fn every_reason_and_every_condition_type_has_an_example() {
    let examples = condition_examples();
    for reason in Reason::ALL {
        assert!(
            examples.iter().any(|example| example.reason == *reason),
            "{reason:?} has no row in docs/conditions.md"
        );
    }
    let beside_ready = [ConditionType::Reconciling, ConditionType::Stalled];
    for type_ in ConditionType::ALL.iter().filter(|type_| !beside_ready.contains(type_)) {
        assert!(examples.iter().any(|example| example.type_ == *type_), "{type_:?} has no row in docs/conditions.md");
    }
}

#[test]
fn every_example_is_another_message() {
    let mut seen = BTreeSet::new();
    for ConditionExample { kind, type_, message, .. } in condition_examples() {
        assert!(seen.insert((kind, type_, message.clone())), "{kind}, {type_:?}: {message}");
    }
}

/// Lower case at the start unless it begins with the kind of an object, and a full stop at the end of several sentences
/// only.
#[test]
fn all_messages_have_one_form() {
    let kinds = ["ConfigMap ", "Secret ", "SuppressionList "];
    for ConditionExample { message, .. } in condition_examples() {
        let starts_low = message.starts_with(|c: char| c.is_lowercase() || c.is_ascii_digit());
        assert!(starts_low || kinds.iter().any(|kind| message.starts_with(kind)), "{message}");
        let words: Vec<&str> = message.split(' ').collect();
        let several = words.windows(2).any(|pair| pair[0].ends_with('.') && pair[1].starts_with(char::is_uppercase));
        assert_eq!(message.ends_with('.'), several, "{message}");
        assert!(!message.contains("  ") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn messages_are_short_apart_from_their_commands() {
    for ConditionExample { message, .. } in condition_examples() {
        let prose: String = message.split('`').step_by(2).collect();
        let most = if message.contains("kubectl annotate") { 400 } else { 340 };
        assert!(prose.chars().count() <= most, "{} characters: {message}", prose.chars().count());
    }
}
