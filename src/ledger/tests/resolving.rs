//! Instructions and resolutions.

use super::*;

#[test]
fn an_instruction_names_an_attempt_and_a_decision() {
    let table = [
        ("a=created", Ok(instruction("a", Resolve::Created))),
        ("a=send-again", Ok(instruction("a", Resolve::SendAgain))),
        ("a=dismiss", Ok(instruction("a", Resolve::Dismiss))),
        ("  a = dismiss\n", Ok(instruction("a", Resolve::Dismiss))),
        ("", Err(ResolveError::Syntax)),
        ("=", Err(ResolveError::Syntax)),
        ("=created", Err(ResolveError::Syntax)),
        (" =dismiss", Err(ResolveError::Syntax)),
        ("a", Err(ResolveError::Syntax)),
        ("a=", Err(ResolveError::Syntax)),
        ("a=Created", Err(ResolveError::Syntax)),
        ("a=sendagain", Err(ResolveError::Syntax)),
        ("a=send_again", Err(ResolveError::Syntax)),
        ("a=created,b=dismiss", Err(ResolveError::Syntax)),
        ("a=b=created", Err(ResolveError::Syntax)),
        ("a:created", Err(ResolveError::Syntax)),
        ("created=a", Err(ResolveError::Syntax)),
        ("a=created; rm", Err(ResolveError::Syntax)),
    ];
    for (annotation, expected) in table {
        assert_eq!(Instruction::parse(annotation), expected, "{annotation:?}");
    }
}

#[test]
fn every_decision_is_parsed_from_its_own_text() {
    for decision in DECISIONS {
        let parsed = Instruction::parse(&format!("abc={}", decision.as_str()));
        assert_eq!(parsed, Ok(instruction("abc", decision)));
    }
}

#[test]
fn only_unknown_and_rejected_attempts_can_be_resolved() {
    let table = [
        (attempt("a"), Err(ResolveError::NotResolvable)),
        (ended("a", OutcomeResult::Created), Err(ResolveError::NotResolvable)),
        (ended("a", OutcomeResult::NotSent), Err(ResolveError::NotResolvable)),
        (ended("a", OutcomeResult::Rejected), Ok(())),
        (ended("a", OutcomeResult::Unknown), Ok(())),
    ];
    for (attempt, expected) in table {
        let record = record(vec![attempt], vec![]);
        let resolved = resolve(&record, &instruction("a", Resolve::Dismiss), ResolvedBy::Person, at(5));
        assert_eq!(resolved.map(|_| ()), expected, "{:?}", record.state);
    }
}

#[test]
fn a_resolution_records_the_decision_who_made_it_and_when() {
    let states = [State::Created, State::Authorised, State::Dismissed];
    for (decision, state) in DECISIONS.into_iter().zip(states) {
        let before = record(vec![ended("a", OutcomeResult::Unknown)], vec![]);
        for by in [ResolvedBy::Person, ResolvedBy::Policy] {
            let after = resolve(&before, &instruction("a", decision), by, at(5)).unwrap();
            assert_eq!(after.state, state);
            let expected = Resolution { attempt: "a".into(), decision, by, at: at(5), unknown: Map::new() };
            assert_eq!(after.resolutions, [expected]);
            assert_eq!(after.attempts, before.attempts);
        }
    }
}

#[test]
fn an_attempt_is_resolved_once() {
    for first in DECISIONS {
        let record = record(vec![ended("a", OutcomeResult::Unknown)], vec![]);
        let resolved = resolve(&record, &instruction("a", first), ResolvedBy::Person, at(5)).unwrap();
        for second in DECISIONS {
            let again = resolve(&resolved, &instruction("a", second), ResolvedBy::Person, at(6));
            assert_eq!(again, Err(ResolveError::AlreadyResolved));
        }
    }
}

#[test]
fn each_attempt_is_resolved_by_its_own_id() {
    let record = record(
        vec![ended("a", OutcomeResult::Unknown), ended("b", OutcomeResult::Unknown)],
        vec![resolution("a", Resolve::SendAgain)],
    );
    assert_eq!(
        resolve(&record, &instruction("c", Resolve::Dismiss), ResolvedBy::Person, at(5)),
        Err(ResolveError::NoSuchAttempt)
    );
    let resolved = resolve(&record, &instruction("b", Resolve::Created), ResolvedBy::Person, at(5)).unwrap();
    assert_eq!((resolved.state, resolved.possible_extras), (State::Created, 1));
}

#[test]
fn errors_never_repeat_the_annotation() {
    let errors =
        [ResolveError::Syntax, ResolveError::NoSuchAttempt, ResolveError::AlreadyResolved, ResolveError::NotResolvable];
    let texts: std::collections::BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len());
    assert!(!Instruction::parse("canary=canary").unwrap_err().to_string().contains("canary"));
}
