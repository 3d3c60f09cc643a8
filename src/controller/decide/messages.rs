//! The state and message that follow from a receipt, a create or a wait. Never a value of a list, a key or the address of
//! an endpoint.

use jiff::Timestamp;

use super::assess::Plan;
use crate::api::RESOLVE_ANNOTATION;
use crate::api::condition::{Reason, Verdict};
use crate::audience::Funnel;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::ledger::{Attempt, Decision, OutcomeResult, Receipt, Resolve, ResolveError};
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
            let hint = if *exhausted {
                " The bound of SendAgain (maxSends) is reached, so a person has to decide."
            } else {
                ""
            };
            unknown(attempt, plan, namespace, Phase::Stalled, hint)
        }
        Decision::WaitToSendAgain { attempt, .. } => {
            let attempt = receipt?.record.attempt(attempt)?;
            let hint = " It will be sent again by the SendAgain policy after its wait, which may make a second audience; settle it before to decide yourself.";
            unknown(attempt, plan, namespace, Phase::Reconciling, hint)
        }
        Decision::Dismissed => Readiness::stalled(
            Reason::Dismissed,
            format!(
                "a person decided on receipt {name} that this list is not to be sent; change spec.revision to send it after all"
            ),
        ),
        Decision::TooManyAttempts => Readiness::stalled(
            Reason::TooManyAttempts,
            format!(
                "receipt {name} holds as many attempts as fit; settle it with created or dismiss, or change spec.revision to start another"
            ),
        ),
        Decision::Unreadable(why) => Readiness::stalled(
            Reason::ReceiptUnreadable,
            format!(
                "receipt {name} can't be trusted, so nothing is sent: {why}. Restore it from a backup, or look into the Propensity workspace whether the audience is there"
            ),
        ),
    };
    Some(readiness)
}

/// What to say about an instruction that can't be followed.
#[must_use]
pub fn refused(error: ResolveError, plan: &Plan, receipt: &Receipt, namespace: &str) -> Readiness {
    let commands =
        receipt.record.attempts.last().map(|a| commands(&a.id, &plan.receipt, namespace)).unwrap_or_default();
    let message = format!("on receipt {}, {error}. {commands}", plan.receipt);
    Readiness::stalled(Reason::ResolutionInvalid, message)
}

/// What to say about a fresh create.
#[must_use]
pub fn created(members: u64, funnel: &Funnel) -> Readiness {
    let Funnel { read, invalid, duplicate, excluded, .. } = funnel;
    let mut message = format!("the audience was created with {}", count(members));
    if *read != members {
        message.push_str(&format!(" of {read} rows ({invalid} invalid, {duplicate} duplicate, {excluded} excluded)"));
    }
    Readiness::ready(Reason::Created, message)
}

/// What to say about members that were suppressed after they were sent.
#[must_use]
pub fn suppressed_later(many: u64, sent: u64, at: Timestamp) -> Verdict {
    let (are, them) = if many == 1 { ("is", "it") } else { ("are", "them") };
    let message = format!(
        "at least {many} of the {} that were sent {} {are} suppressed now: remove {them} from the audience in Propensity by hand, which the API can't; or set spec.resendOnSuppression to create the list once more without {them}",
        count(sent),
        when(at)
    );
    Verdict::new(Reason::MembersSuppressedAfterCreate, message)
}

/// What to say of a create in flight.
#[must_use]
pub fn sending() -> Readiness {
    Readiness::reconciling(Reason::Sending, "a create for this list is in flight; its outcome is being waited for")
}

/// What to say when the API server refuses what the operator has to do.
#[must_use]
pub fn forbidden() -> Readiness {
    Readiness::reconciling(
        Reason::AccessDenied,
        "the API server refuses a request that the operator has to make for this audience, so nothing is sent: its role lacks a permission (see the chart's RBAC), or the namespace is being deleted",
    )
}

/// What to say while the key's gate lets nothing through.
#[must_use]
pub fn waiting(why: WaitReason, workspace: &str) -> Readiness {
    let verdict = match why {
        WaitReason::Pacing => Verdict::new(
            Reason::Queued,
            format!(
                "waits for its turn under spec.rateLimit and spec.concurrentCreates of PropensityWorkspace {workspace}"
            ),
        ),
        WaitReason::Caution => Verdict::new(
            Reason::CreatesSerialized,
            "the outcome of another create with this key is unknown, so creates go one at a time, with growing pauses, until the API answers clearly",
        ),
        WaitReason::Paused => Verdict::new(
            Reason::RateLimited,
            "the API asked for a pause; nothing was stored, and this list is sent after it",
        ),
        WaitReason::Breaker(BreakerCause::Credentials) => Verdict::new(
            Reason::CredentialsRejected,
            format!(
                "the API refused the workspace's key, so creates wait: put the workspace's present key into the Secret of PropensityWorkspace {workspace}; it is tried at once when it changes, and now and then before"
            ),
        ),
        WaitReason::Breaker(BreakerCause::Configuration) => Verdict::new(
            Reason::ApiMisconfigured,
            format!(
                "the API's answer means a wrong address, plan or method, so creates wait: check --api-url and the Propensity plan, then annotate PropensityWorkspace {workspace} with a new abm.propensity.com/requestedAt to try at once"
            ),
        ),
        WaitReason::Unreachable => Verdict::new(
            Reason::ApiUnreachable,
            "no connection to the Propensity API comes about; nothing was sent, and it is tried again: check DNS, network policies, proxies and certificates",
        ),
    };
    Readiness { verdict, phase: Phase::Reconciling }
}

fn already_created(receipt: &Receipt, to_send: u64) -> Readiness {
    let Some(attempt) = created_attempt(receipt) else {
        return Readiness::ready(Reason::AlreadyCreated, "this list was created before; nothing was sent");
    };
    let mut message = format!(
        "this list was created {} with {} for {} {}; nothing was sent. Change spec.revision to create it once more",
        when(outcome_time(attempt)),
        count(attempt.members),
        attempt.audience.kind,
        attempt.audience.name
    );
    if attempt.members != to_send {
        message.push_str(&format!(". Today {} would be sent", count(to_send)));
    }
    if receipt.summary.possible_extras > 0 {
        message.push_str(&format!(
            ". Earlier attempts may have left {} more of it in the workspace: look there and remove what is too much",
            receipt.summary.possible_extras
        ));
    }
    Readiness::ready(Reason::AlreadyCreated, message)
}

/// The last attempt that made the audience.
#[must_use]
pub fn created_attempt(receipt: &Receipt) -> Option<&Attempt> {
    receipt.record.attempts.iter().rfind(|attempt| is_created(receipt, attempt))
}

/// Whether this attempt made the audience, by the API's word or a person's.
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
            "{said}{message}, so it isn't sent again by itself: change the list, or settle the attempt. {commands}"
        ),
    )
}

fn unknown(attempt: &Attempt, plan: &Plan, namespace: &str, phase: Phase, hint: &str) -> Readiness {
    let class = attempt.outcome.as_ref().map_or("", |o| o.class.as_str());
    let endpoint = plan.identity.endpoint.as_deref().unwrap_or_default();
    Readiness::new(
        phase,
        Reason::OutcomeUnknown,
        format!(
            "nobody can know whether the request of {} ({}, POST /{endpoint}) created the audience: {}.{hint} Look into the Propensity workspace, then settle it. {}",
            when(attempt.claimed_at),
            count(attempt.members),
            sentence(class),
            commands(&attempt.id, &plan.receipt, namespace)
        ),
    )
}

/// The commands that settle an attempt, to copy.
fn commands(attempt: &str, receipt: &str, namespace: &str) -> String {
    let command = |decision| {
        format!(
            "kubectl annotate audiencereceipt {receipt} -n {namespace} --overwrite {RESOLVE_ANNOTATION}={attempt}={decision}"
        )
    };
    format!(
        "If it is there: `{}`. If it isn't and shall be sent again: `{}`. To leave it: `{}`",
        command("created"),
        command("send-again"),
        command("dismiss")
    )
}

/// One sentence for the class of an outcome as it stands in a receipt.
fn sentence(class: &str) -> String {
    let known = AnswerClass::ALL.into_iter().find(|c| c.label() == class);
    known.map_or_else(
        || "the process that sent it ended before it could record an answer".to_owned(),
        |class| class.description().to_owned(),
    )
}

fn outcome_time(attempt: &Attempt) -> Timestamp {
    attempt.outcome.as_ref().map_or(attempt.claimed_at, |o| o.at)
}

/// A time for people, to the second.
#[must_use]
pub fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A number of members.
#[must_use]
pub fn count(members: u64) -> String {
    if members == 1 { "1 member".to_owned() } else { format!("{members} members") }
}

#[cfg(test)]
mod tests;
