//! Examples of reports.

use jiff::Timestamp;

use super::table::{Examples, NAMESPACE, SECRET, WORKSPACE};
use super::workspaces;
use crate::api::condition::{ConditionType, Verdict};
use crate::controller::decide::report_messages::{self as of_report, UrlEntry};
use crate::controller::decide::workspace_messages;
use crate::controller::model::fetch::Fault;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::propensity::{EndpointError, ReportFault, UrlError};
use crate::report::PlanError;
use crate::sources::rows::RowsError;

const REPORT: &str = "account_engagement";
const ENTRY: UrlEntry<'_> = UrlEntry { report: REPORT, secret: SECRET, namespace: NAMESPACE };
const LAST: Timestamp = Timestamp::constant(1_767_603_600, 0);

pub(super) fn add(examples: &mut Examples) {
    let aged = |readiness| of_report::with_age(readiness, Some(LAST));
    let failed = |fault| aged(of_report::failed(REPORT, WORKSPACE, &fault));
    examples.ready(
        "Nothing. If the message mentions a limit, see [paging](reports.md#paging).",
        [of_report::fetched(REPORT, false), of_report::fetched(REPORT, true)],
    );
    let [_, secret] = workspaces::pending();
    examples.ready("Nothing.", [secret]);
    examples.ready("Create the workspace, or correct `workspaceRef`.", [of_report::no_workspace(WORKSPACE, NAMESPACE)]);
    workspaces::secret(examples);
    examples.ready(
        "[Grant access](operations.md#another-secret-name) to the Secret.",
        [workspace_messages::secret_denied(SECRET, NAMESPACE)],
    );
    examples.ready("Add the URL to the Secret.", [of_report::no_url(ENTRY)]);
    let plain = EndpointError::NotHttps { host: "api.propensity.com".into() };
    examples.ready(
        "Copy the URL again from Propensity.",
        [of_report::invalid_url(ENTRY, &UrlError::NotAUrl), of_report::unusable_url(ENTRY, &plain)],
    );
    let host = EndpointError::NotAllowed { host: "api.example.com".into() };
    examples.ready("Correct the URL, or allow the host (`api.allowedHosts`).", [of_report::unusable_url(ENTRY, &host)]);
    examples.ready(
        "[Put the new URL into the Secret](reports.md#rotated-urls).",
        [failed(Fault::Report(ReportFault::Rejected(401)))],
    );
    examples.ready(
        "Nothing. If it lasts, lower `rateLimit` of the workspace.",
        [failed(Fault::Report(ReportFault::RateLimited(None)))],
    );
    examples.ready(
        "Nothing at first. If it lasts, check DNS, network policies, proxies and certificates.",
        [
            failed(Fault::Report(ReportFault::Unreachable)),
            failed(Fault::Report(ReportFault::Server(503))),
            failed(Fault::TooSlow),
            failed(Fault::WorkspaceGone),
        ],
    );
    examples.ready("Nothing. It is fetched again soon.", [failed(Fault::Rows(RowsError::Truncated))]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let stalled = |verdict: Verdict| aged(Readiness { verdict, phase: Phase::Stalled });
    examples.ready(
        "Correct the spec as the message describes.",
        [
            failed(Fault::Rows(RowsError::Html)),
            failed(Fault::Report(ReportFault::Status(400))),
            failed(Fault::SamePage(1, 2)),
            failed(Fault::TooManyPages(100)),
            stalled(of_report::uncounted(REPORT, &names(&["visitors"]))),
        ],
    );
    examples.ready(
        "Correct the spec by comparing it with `status.columns`.",
        [stalled(of_report::columns_missing(REPORT, &names(&["Clicks"])))],
    );
    examples.ready("Correct `columns`.", [stalled(of_report::format_mismatch(REPORT, &names(&["Spend"])))]);
    let invalid = [PlanError::Duplicate("spend".into()), PlanError::NoColumn("spend".into())];
    examples.ready("Correct the field that the message names.", invalid.map(|why| aged(of_report::invalid_spec(&why))));
    examples.ready("Set `suspend` back.", [aged(of_report::suspended())]);
    examples.beside(
        ConditionType::CellsUnparsed,
        "Nothing if these cells don't matter; otherwise correct `columns`.",
        [of_report::cells_unparsed(&[("Spend", 3), ("Last Engaged", 1)])],
    );
}
