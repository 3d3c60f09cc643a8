#![allow(clippy::unwrap_used)]

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_label_is_its_own_and_in_snake_case() {
    let labels: BTreeSet<_> = AnswerClass::ALL.iter().map(|class| class.label()).collect();
    assert_eq!(labels.len(), AnswerClass::ALL.len());
    assert!(labels.iter().all(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
}

#[test]
fn only_unclear_results_serialize_creates() {
    for class in AnswerClass::ALL {
        let caution = matches!(class.effect(None), Effect::Unclear { .. });
        assert_eq!(caution, class.evidence() == Evidence::Unclear, "{class:?}");
    }
}
