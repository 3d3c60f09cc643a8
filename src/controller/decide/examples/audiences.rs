//! Examples of audiences.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;

use super::table::{Examples, NAMESPACE, SECRET, SHORT_HASH, WORKSPACE};
use super::{suppression_lists, workspaces};
use crate::api::condition::{ConditionType, Reason};
use crate::audience::{Funnel, Kind};
use crate::controller::decide::assess::Plan;
use crate::controller::decide::list_messages::Owner;
use crate::controller::decide::{audience_messages as of_audience, messages, workspace_messages};
use crate::ledger::{
    Attempt, AudienceRef, Decision, Identity, IdentityKind, Outcome, OutcomeResult, Policy, Receipt, Record,
    RecordSummary, ResolveError, SendPolicy, Unreadable, claim, record_outcome,
};
use crate::propensity::{AnswerClass, BreakerCause, WaitReason};

const ATTEMPT: &str = "7mq2x9k4";
const RECEIPT: &str = "ar-5d81f07c2e9b";
const RESOLVE: &str = "Check the Propensity workspace, then run one of the three commands.";
const KIND: Kind = Kind::Contacts;

pub(super) fn add(examples: &mut Examples) {
    created(examples);
    waiting(examples);
    connection(examples);
    list(examples);
    attempts(examples);
    let operator = of_audience::operator_suspended();
    examples.ready(
        "Set `suspend` back.",
        [operator, of_audience::workspace_suspended(WORKSPACE), of_audience::suspended(KIND)],
    );
    let suppressed = messages::suppressed_later(2, 7, at(60));
    examples.beside(
        ConditionType::SuppressedMembersSent,
        "Remove the members manually in Propensity, or set `resendOnSuppression`.",
        [suppressed],
    );
}

fn created(examples: &mut Examples) {
    let funnel = Funnel { read: 10, invalid: 1, duplicate: 2, excluded: 0, to_send: 7 };
    let parts = of_audience::parts_created(Reason::Created, 3, 2_400);
    examples.ready("Nothing.", [messages::created(7, &funnel), parts]);
    let record = record(Some((OutcomeResult::Created, AnswerClass::Created)));
    let twice = Receipt {
        summary: RecordSummary { possible_extras: 1, ..RecordSummary::of(&record) },
        ..receipt(record.clone())
    };
    let again = messages::of_decision(&Decision::Created, &plan(), Some(&receipt(record)), 7, NAMESPACE);
    let twice = messages::of_decision(&Decision::Created, &plan(), Some(&twice), 8, NAMESPACE);
    examples.ready("Nothing. To create it again, change `revision`.", [again, twice].into_iter().flatten());
}

fn waiting(examples: &mut Examples) {
    let wait = |why| messages::waiting(why, WORKSPACE);
    examples.ready("Nothing.", [messages::sending()]);
    let part = of_audience::part_blocks(1, 3, "a3", &of_audience::part_waits());
    examples.ready("Nothing.", [wait(WaitReason::Pacing), part]);
    let replica = of_audience::another_replica();
    examples.ready("Nothing.", [of_audience::looked_up(), replica].into_iter().chain(workspaces::pending()));
    examples.ready("Nothing.", [of_audience::sources_changing(Duration::from_secs(10))]);
    examples.ready("Resolve the unknown outcome, if you can.", [wait(WaitReason::Caution)]);
    examples.ready("Nothing. If it lasts, lower `rateLimit` of the workspace.", [wait(WaitReason::Paused)]);
    examples.ready("Check DNS, network policies, proxies and certificates.", [wait(WaitReason::Unreachable)]);
    examples.ready(
        "Wait for the next day (UTC), or raise the budget.",
        [of_audience::budget_spent(100, "acme", WORKSPACE)],
    );
    examples.ready("Put the current key into the Secret.", [wait(WaitReason::Breaker(BreakerCause::Credentials))]);
    examples.ready(
        "Correct the address or the plan, then annotate the workspace.",
        [wait(WaitReason::Breaker(BreakerCause::Configuration))],
    );
}

fn connection(examples: &mut Examples) {
    examples.ready(
        "Create the workspace, or correct `workspaceRef`.",
        [of_audience::no_workspace(KIND, WORKSPACE, NAMESPACE)],
    );
    workspaces::secret(examples);
    examples.ready(
        "Grant the operator the permission that the message names.",
        [
            workspace_messages::secret_denied(SECRET, NAMESPACE),
            suppression_lists::source_denied(),
            messages::forbidden(),
        ],
    );
    workspaces::ledger(examples);
}

fn list(examples: &mut Examples) {
    examples.ready(
        "Correct or remove the rows that `status.problems` shows.",
        [of_audience::invalid_members(2, 40, None), of_audience::invalid_members(9, 100, Some(5))],
    );
    let funnel = Funnel { read: 3, excluded: 3, ..Funnel::default() };
    examples.ready(
        "Add members, or correct the suppression lists.",
        [of_audience::empty_list(KIND), of_audience::all_suppressed(&funnel), of_audience::part_suppressed(3)],
    );
    suppression_lists::sources(examples, Owner::Audience(KIND));
    let own = of_audience::bypass(SHORT_HASH);
    let policy = of_audience::bypass_policy(SHORT_HASH, WORKSPACE);
    let field = format!("spec.policy.maxMembers of PropensityWorkspace {WORKSPACE}");
    let tripped = of_audience::out_of_bounds;
    examples.ready(
        "Correct the list or the setting that the message names, or let exactly this list pass.",
        [
            tripped(&of_audience::too_few(3, 5, "spec.minMembers"), &own),
            tripped(&of_audience::too_many(9_000, 5_000, &field), &policy),
            tripped(&of_audience::changed_too_much(16, 10, 50, "spec.maxSizeChangePercent"), &own),
            of_audience::no_inline_contacts(KIND, WORKSPACE),
            of_audience::too_many_parts(300, 256),
            of_audience::splits_again(3, 2, 4, SHORT_HASH),
            of_audience::splits_existing(4, SHORT_HASH),
            of_audience::joins_existing(3, SHORT_HASH),
        ],
    );
}

fn attempts(examples: &mut Examples) {
    let of =
        |decision: &Decision, record| messages::of_decision(decision, &plan(), Some(&receipt(record)), 7, NAMESPACE);
    let unknown = || record(Some((OutcomeResult::Unknown, AnswerClass::Timeout)));
    let attempt = || ATTEMPT.to_owned();
    let hold = |exhausted| Decision::HoldUnknown { attempt: attempt(), exhausted };
    let wait = Decision::WaitToSendAgain { attempt: attempt(), remaining: Duration::from_secs(900) };
    examples.ready(RESOLVE, [of(&hold(false), unknown()), of(&hold(true), unknown())].into_iter().flatten());
    examples.ready("Nothing, or resolve it before it is sent again.", of(&wait, unknown()));
    let rejected = record(Some((OutcomeResult::Rejected, AnswerClass::ErrorTrue)));
    examples.ready("Change the list, or resolve the attempt.", of(&Decision::Rejected, rejected));
    let refused = |error| messages::refused(error, &plan(), &receipt(unknown()), NAMESPACE);
    examples.ready(
        "Copy one of the commands from the message.",
        [ResolveError::Syntax, ResolveError::NotResolvable].map(refused),
    );
    examples.ready("Nothing, or change `revision`.", of(&Decision::Dismissed, unknown()));
    examples.ready("Resolve the last attempt, or change `revision`.", of(&Decision::TooManyAttempts, unknown()));
    let unreadable = [
        Unreadable::NameMismatch,
        Unreadable::NoRecord,
        Unreadable::Malformed,
        Unreadable::StateMismatch,
        Unreadable::NewerFormat,
    ]
    .map(Decision::Unreadable);
    examples.ready(
        "Restore the receipt, or upgrade the operator.",
        unreadable.iter().filter_map(|decision| of(decision, unknown())),
    );
}

/// 2026-01-05 09:00:00 UTC and so many seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::constant(1_767_603_600, 0) + Duration::from_secs(second.unsigned_abs())
}

fn plan() -> Plan {
    let asked = SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 };
    Plan {
        identity: identity(),
        receipt: RECEIPT.into(),
        policy: Policy { audience: asked, allowed: false },
        clearance: Err(of_audience::looked_up()),
    }
}

fn identity() -> Identity {
    let hash = "a".repeat(64);
    Identity::audience(IdentityKind::ContactAudience, "acme", "api.propensity.com", KIND.endpoint(), "", &hash)
}

fn receipt(record: Record) -> Receipt {
    Receipt { identity: identity(), summary: RecordSummary::of(&record), record }
}

/// A record with one attempt that ended this way, or with one in flight.
fn record(outcome: Option<(OutcomeResult, AnswerClass)>) -> Record {
    let attempt = Attempt {
        id: ATTEMPT.into(),
        audience: AudienceRef { kind: "ContactAudience".into(), name: "leaders".into(), uid: String::new() },
        claimed_at: at(0),
        claimed_by: String::new(),
        send_by_seconds: 10,
        ttl_seconds: 130,
        members: 7,
        excluded: 0,
        kept_hash: None,
        payload_hash: String::new(),
        policy: SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 },
        outcome: None,
        unknown: Map::new(),
    };
    let open = claim(None, attempt.clone());
    let ended = outcome.and_then(|(result, class)| {
        let message = (class == AnswerClass::ErrorTrue).then(|| "too many contacts".to_owned());
        let (class, error) = (class.label().to_owned(), None);
        let outcome = Outcome { result, class, at: at(60), http_status: None, error, message, unknown: Map::new() };
        record_outcome(&open, &attempt, outcome)
    });
    ended.unwrap_or(open)
}
