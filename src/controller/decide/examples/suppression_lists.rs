//! Examples of suppression lists, and of sources, which audiences have too.

use super::table::{Examples, NAMESPACE};
use crate::api::{EntryRef, FluxKind};
use crate::audience::BadEntry;
use crate::controller::decide::list_messages::{self as of_list, Owner};
use crate::controller::model::readiness::Readiness;
use crate::sources::remote::FetchError;
use crate::sources::table::FileError;
use crate::sources::versions::SourceKind;

const LIST: &str = "customers";
const OWNER: Owner<'_> = Owner::Suppression(LIST);
const FLUX: SourceKind = SourceKind::Flux(FluxKind::GitRepository);
const CORRECT: &str = "Correct the file or the source that the message names.";

pub(super) fn add(examples: &mut Examples) {
    examples.ready("Nothing.", [of_list::loaded()]);
    examples.ready("Nothing.", [of_list::looked_up(SourceKind::ConfigMap, "lists")]);
    sources(examples, OWNER);
    examples.ready("Grant the operator access to the source.", [source_denied()]);
}

/// A source that the operator may not read.
pub(super) fn source_denied() -> Readiness {
    of_list::denied(SourceKind::Secret, "lists", NAMESPACE)
}

/// Sources that are missing or can't be read.
pub(super) fn sources(examples: &mut Examples, owner: Owner<'_>) {
    let named_in = format!("spec.from of {owner}");
    let entry = EntryRef { name: "lists".into(), key: "customers.csv".into() };
    examples.ready(
        "Create the source, or correct the field that the message names.",
        [
            of_list::not_found(SourceKind::ConfigMap, "lists", NAMESPACE, &named_in),
            of_list::no_entry(SourceKind::ConfigMap, &entry, owner),
            of_list::wrong_count(3, 4, owner),
            of_list::no_artifact(FLUX, "lists"),
            of_list::no_kind(FLUX, "lists", &named_in),
        ],
    );
    let file = "configMap lists/customers.csv";
    examples.ready(
        CORRECT,
        [
            of_list::unreadable(file, FileError::Encoding(311)),
            of_list::bad_entry(LIST, 2, "spec.emails", BadEntry::Email),
            of_list::no_format("configMap lists/customers", owner),
            of_list::unfetched("http files.example.com/customers.csv", &FetchError::Status(404)),
            of_list::bug(),
        ],
    );
    examples.ready(
        "Nothing at first. If it lasts, check the server and the network.",
        [of_list::unfetched("http files.example.com/customers.csv", &FetchError::Status(503))],
    );
}
