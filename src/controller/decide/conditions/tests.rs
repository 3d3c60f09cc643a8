use super::*;

#[test]
fn ready_is_always_there_and_one_more_condition_while_the_object_is_not_at_rest() {
    let table: [(Phase, &[(ConditionType, bool)]); 4] = [
        (Phase::Ready, &[(ConditionType::Ready, true)]),
        (Phase::Idle, &[(ConditionType::Ready, false)]),
        (Phase::Reconciling, &[(ConditionType::Ready, false), (ConditionType::Reconciling, true)]),
        (Phase::Stalled, &[(ConditionType::Ready, false), (ConditionType::Stalled, true)]),
    ];
    for (phase, expected) in table {
        let readiness = Readiness::new(phase, Reason::Queued, "why");
        let found = ready(&readiness);
        let types: Vec<_> = found.iter().map(|condition| (condition.type_, condition.status)).collect();
        assert_eq!(types, expected, "{phase:?}");
        assert!(found.iter().all(|condition| condition.verdict == readiness.verdict));
    }
}

#[test]
fn only_a_new_state_that_may_pass_by_itself_has_a_grace_period() {
    let table = [
        (Phase::Reconciling, Reason::SecretNotFound, None, true),
        (Phase::Reconciling, Reason::SecretNotFound, Some("Created"), true),
        (Phase::Reconciling, Reason::SecretNotFound, Some("SecretNotFound"), false),
        (Phase::Reconciling, Reason::BudgetSpent, None, false),
        (Phase::Stalled, Reason::EmptyList, None, false),
        (Phase::Idle, Reason::Suspended, None, false),
        (Phase::Ready, Reason::Created, None, false),
    ];
    for (phase, reason, published, expected) in table {
        let readiness = Readiness::new(phase, reason, "why");
        assert_eq!(has_grace(&readiness, published), expected, "{phase:?} {reason:?} {published:?}");
    }
}
