//! The state and message that follow from a receipt, a create or a wait. Never a value of a list, a key or the address
//! of an endpoint.

use jiff::Timestamp;

use super::assess::Plan;
use super::sentences;
pub use super::sentences::{count, when};
use crate::api::RESOLVE_ANNOTATION;
use crate::api::condition::{Reason, Verdict};
use crate::audience::Funnel;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::ledger::{Attempt, Decision, OutcomeResult, Receipt, Resolve, ResolveError, Unreadable};
use crate::propensity::{AnswerClass, BreakerCause, WaitReason};

/// The state of an audience whose receipt leads to this decision. `None` for decisions that lead to an action.
#[must_use]
pub fn of_decision(
    decision: &Decision,
    plan: &Plan,
    receipt: Option<&Receipt>,
    to_send: u64,
    namespace: &str,
) -> Option<Readiness> {
    let name = &plan.receipt;
    let readiness = match decision {
        Decision::Claim | Decision::Authorise(..) => return None,
        Decision::Created => already_created(receipt?, to_send),
        Decision::InFlight => sending(),
        Decision::Rejected => rejected(receipt?, name, namespace),
        Decision::HoldUnknown { attempt, exhausted } => {
            let attempt = receipt?.record.attempt(attempt)?;
            let what_to_do = if *exhausted {
                "The SendAgain policy has reached its maxSends. Check the Propensity workspace, then resolve the \
                 attempt."
            } else {
                "Check the Propensity workspace, then resolve the attempt."
            };
            unknown(attempt, plan, namespace, Phase::Stalled, what_to_do)
        }
        Decision::WaitToSendAgain { attempt, .. } => {
            let attempt = receipt?.record.attempt(attempt)?;
            let what_to_do = "It will be sent again by the SendAgain policy, which may create a second audience. To \
                        decide yourself, resolve the attempt.";
            unknown(attempt, plan, namespace, Phase::Reconciling, what_to_do)
        }
        Decision::Dismissed => Readiness::stalled(
            Reason::Dismissed,
            format!(
                "a person dismissed the attempt of receipt {name}, so this list isn't sent. To send it after all, \
                 change spec.revision."
            ),
        ),
        Decision::TooManyAttempts => Readiness::stalled(
            Reason::TooManyAttempts,
            format!(
                "receipt {name} has no room for another attempt. Resolve its last attempt with created or dismiss, or \
                 change spec.revision to start a new receipt."
            ),
        ),
        Decision::Unreadable(why) => unreadable(*why, name),
    };
    Some(readiness)
}

/// The state of an audience whose receipt has an annotation that can't be applied.
#[must_use]
pub fn refused(error: ResolveError, plan: &Plan, receipt: &Receipt, namespace: &str) -> Readiness {
    let commands =
        receipt.record.attempts.last().map(|a| commands(&a.id, &plan.receipt, namespace)).unwrap_or_default();
    let message = format!("the resolution on receipt {} was not applied: {error}. {commands}", plan.receipt);
    Readiness::stalled(Reason::ResolutionInvalid, message)
}

/// The state after a create.
#[must_use]
pub fn created(members: u64, funnel: &Funnel) -> Readiness {
    let Funnel { read, invalid, duplicate, excluded, .. } = funnel;
    let mut message = format!("the audience was created with {}", count(members));
    if *read != members {
        message.push_str(&format!(" of {read} rows ({invalid} invalid, {duplicate} duplicate, {excluded} excluded)"));
    }
    Readiness::ready(Reason::Created, message)
}

/// The condition for members that were suppressed after they were sent.
#[must_use]
pub fn suppressed_later(many: u64, sent: u64, at: Timestamp) -> Verdict {
    let (are, them) = if many == 1 { ("is", "it") } else { ("are", "them") };
    let message = format!(
        "at least {many} of the {} that were sent at {} {are} suppressed now. Remove {them} manually from the audience \
         in Propensity, or set spec.resendOnSuppression to create the list again without {them}.",
        count(sent),
        when(at)
    );
    Verdict::new(Reason::MembersSuppressedAfterCreate, message)
}

/// The state while a create is in flight.
#[must_use]
pub fn sending() -> Readiness {
    Readiness::reconciling(Reason::Sending, "the create request for this list is in progress")
}

/// The state when the Kubernetes API server rejects a request that the operator has to make.
#[must_use]
pub fn forbidden() -> Readiness {
    Readiness::reconciling(
        Reason::AccessDenied,
        "nothing is sent: the Kubernetes API server rejected a request of the operator for this audience. Check that \
         the operator has the permissions of the chart, and that the namespace isn't being deleted.",
    )
}

/// The state while the key's gate lets nothing through.
#[must_use]
pub fn waiting(why: WaitReason, workspace: &str) -> Readiness {
    let verdict = match why {
        WaitReason::Pacing => Verdict::new(
            Reason::Queued,
            format!(
                "this list waits for its turn under spec.rateLimit and spec.concurrentCreates of PropensityWorkspace \
                 {workspace}"
            ),
        ),
        WaitReason::Caution => Verdict::new(
            Reason::CreatesSerialized,
            "the outcome of another create with this key is unknown, so creates are sent one at a time, with growing \
             pauses, until the API gives a definite answer",
        ),
        WaitReason::Paused => Verdict::new(
            Reason::RateLimited,
            "the API asked for a pause and stored nothing, so creates wait until the pause ends",
        ),
        WaitReason::Breaker(BreakerCause::Credentials) => Verdict::new(
            Reason::CredentialsRejected,
            format!(
                "the API rejected the workspace's key, so creates wait. Put the current key into the Secret of \
                 PropensityWorkspace {workspace}: a changed key is tried at once, the same key from time to time."
            ),
        ),
        WaitReason::Breaker(BreakerCause::Configuration) => Verdict::new(
            Reason::ApiMisconfigured,
            format!(
                "the API's answer indicates a wrong address, plan or method, so creates wait. Correct --api-url or the \
                 Propensity plan. To try at once, set the annotation abm.propensity.com/requestedAt of \
                 PropensityWorkspace {workspace} to a new value."
            ),
        ),
        WaitReason::Unreachable => Verdict::new(
            Reason::ApiUnreachable,
            "the Propensity API is unreachable, so nothing was sent; the operator tries again. Check DNS, network \
             policies, proxies and certificates.",
        ),
    };
    Readiness { verdict, phase: Phase::Reconciling }
}

fn already_created(receipt: &Receipt, to_send: u64) -> Readiness {
    let Some(attempt) = created_attempt(receipt) else {
        return Readiness::ready(Reason::AlreadyCreated, "this list was created before, so nothing was sent");
    };
    let mut message = format!(
        "this list was created at {} with {} for {} {}, so nothing was sent.",
        when(outcome_time(attempt)),
        count(attempt.members),
        attempt.audience.kind,
        attempt.audience.name
    );
    if attempt.members != to_send {
        message.push_str(&format!(" Now it would have {}.", count(to_send)));
    }
    let extras = receipt.summary.possible_extras;
    if extras > 0 {
        let audiences = if extras == 1 { "1 more audience".to_owned() } else { format!("{extras} more audiences") };
        message.push_str(&format!(
            " Earlier attempts may have created {audiences} of it: check the Propensity workspace and remove \
             duplicates."
        ));
    }
    message.push_str(" To create it again, change spec.revision.");
    Readiness::ready(Reason::AlreadyCreated, message)
}

/// The last attempt that created the audience.
#[must_use]
pub fn created_attempt(receipt: &Receipt) -> Option<&Attempt> {
    receipt.record.attempts.iter().rfind(|attempt| is_created(receipt, attempt))
}

/// Whether this attempt created the audience, by the API's answer or a person's decision.
#[must_use]
pub fn is_created(receipt: &Receipt, attempt: &Attempt) -> bool {
    attempt.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::Created)
        || receipt.record.resolution(&attempt.id).is_some_and(|r| r.decision == Resolve::Created)
}

fn rejected(receipt: &Receipt, name: &str, namespace: &str) -> Readiness {
    let attempt = receipt.record.attempts.last();
    let outcome = attempt.and_then(|a| a.outcome.as_ref());
    let said = outcome.map_or_else(String::new, |outcome| sentence(&outcome.class));
    let message = outcome.and_then(|o| o.message.as_deref()).map(|m| format!(" ({m})")).unwrap_or_default();
    let commands = attempt.map(|a| commands(&a.id, name, namespace)).unwrap_or_default();
    Readiness::stalled(
        Reason::Rejected,
        format!(
            "this list isn't sent again, because {said}{message}. Change the list, or resolve the attempt. {commands}"
        ),
    )
}

/// The receipt can't be used.
fn unreadable(why: Unreadable, name: &str) -> Readiness {
    let mut message = format!("receipt {name} can't be used, so nothing is sent: {}", sentences::of_error(&why));
    match why {
        // Their messages have what to do.
        Unreadable::NewerFormat | Unreadable::StateMismatch => {}
        Unreadable::NameMismatch | Unreadable::NoRecord | Unreadable::Malformed => sentences::add(
            &mut message,
            "Restore it from a backup, or check whether the audience is in the Propensity workspace.",
        ),
    }
    Readiness::stalled(Reason::ReceiptUnreadable, message)
}

fn unknown(attempt: &Attempt, plan: &Plan, namespace: &str, phase: Phase, what_to_do: &str) -> Readiness {
    let class = attempt.outcome.as_ref().map_or("", |o| o.class.as_str());
    let endpoint = plan.identity.endpoint.as_deref().unwrap_or_default();
    Readiness::new(
        phase,
        Reason::OutcomeUnknown,
        format!(
            "the request of {} ({}, POST /{endpoint}) may or may not have created the audience: {}. {what_to_do} {}",
            when(attempt.claimed_at),
            count(attempt.members),
            sentence(class),
            commands(&attempt.id, &plan.receipt, namespace)
        ),
    )
}

/// The commands that resolve an attempt, to copy.
fn commands(attempt: &str, receipt: &str, namespace: &str) -> String {
    let command = |decision| {
        format!(
            "kubectl annotate audiencereceipt {receipt} -n {namespace} --overwrite \
             {RESOLVE_ANNOTATION}={attempt}={decision}"
        )
    };
    format!(
        "If the audience exists: `{}`. If it doesn't and must be sent again: `{}`. If it must not be sent: `{}`.",
        command("created"),
        command("send-again"),
        command("dismiss")
    )
}

/// One sentence for the class of an outcome in a receipt.
fn sentence(class: &str) -> String {
    let known = AnswerClass::ALL.into_iter().find(|c| c.label() == class);
    known.map_or_else(
        || "the operator's process ended before it could record an answer".to_owned(),
        |class| class.description().to_owned(),
    )
}

fn outcome_time(attempt: &Attempt) -> Timestamp {
    attempt.outcome.as_ref().map_or(attempt.claimed_at, |o| o.at)
}

#[cfg(test)]
mod tests;
