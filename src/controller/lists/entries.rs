//! The entries of suppression lists.

use super::access::ListAccess;
use super::error::ReadError;
use super::files::{File, Room, files};
use super::needs::Suppressor;
use crate::api::suppression::SuppressionListSpec;
use crate::audience::{BadEntry, Entry, Kind, Member, Suppression};
use crate::controller::decide::list_messages::{self as messages, Owner};
use crate::controller::kube::live;
use crate::controller::model::readiness::Readiness;
use crate::sources::versions::SourceKind;

/// A suppression list with the bytes of its sources, not yet read.
pub struct UnreadSuppression {
    name: String,
    spec: SuppressionListSpec,
    files: Vec<File>,
}

/// Suppression lists, read live.
pub async fn suppressions(
    lists: &ListAccess,
    namespace: &str,
    suppressors: &[Suppressor],
    room: &mut Room,
) -> Result<Vec<UnreadSuppression>, ReadError> {
    let mut found = vec![];
    for Suppressor { name, named_in } in suppressors {
        let Some(list) = live::suppression_list(&lists.cluster, namespace, name).await? else {
            return Err(messages::not_found(SourceKind::SuppressionList, name, namespace, named_in).into());
        };
        let files = files(lists, namespace, Owner::Suppression(name), &list.spec.from, room).await?;
        found.push(UnreadSuppression { name: name.clone(), spec: list.spec, files });
    }
    Ok(found)
}

/// All entries of suppression lists. One that means nothing stops it all: it may be a person who must not be sent.
pub fn entries(lists: Vec<UnreadSuppression>, room: &mut Room) -> Result<Suppression, Readiness> {
    let mut suppression = Suppression::default();
    for UnreadSuppression { name, spec, files } in lists {
        let inline = [
            ("spec.domains", Entry::Domain, spec.domains),
            ("spec.emails", Entry::Email, spec.emails),
            ("spec.linkedinUrls", Entry::Profile, spec.linkedin_urls),
        ];
        for (field, entry, texts) in inline {
            for (number, text) in (1..).zip(texts) {
                let bad = |why| messages::bad_entry(&name, number, field, why);
                suppression.add(entry, &text).map_err(bad)?;
            }
        }
        for file in files {
            let place = file.name.clone();
            let mut wrong = None;
            let tally = file.read(Kind::Contacts, room, |row, member| {
                if wrong.is_none() {
                    wrong = add_row(&mut suppression, member).err().map(|why| (row, why));
                }
            });
            tally.map_err(|why| messages::unreadable(&place, why))?;
            if let Some((row, why)) = wrong {
                return Err(messages::bad_row(&place, row, why));
            }
        }
    }
    Ok(suppression)
}

/// Why a row of a suppression list means nothing.
#[derive(Debug, thiserror::Error)]
enum BadRow {
    /// One of its cells does.
    #[error("has something that {0}")]
    Entry(BadEntry),
    /// None of its cells says anything.
    #[error("has no domain, email or LinkedIn profile")]
    Nothing,
}

fn add_row(suppression: &mut Suppression, member: &Member) -> Result<(), BadRow> {
    let Member { website, email, linkedin_url, .. } = member;
    let cells = [(Entry::Domain, website), (Entry::Email, email), (Entry::Profile, linkedin_url)];
    let mut any = false;
    for (entry, text) in cells {
        if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
            suppression.add(entry, text).map_err(BadRow::Entry)?;
            any = true;
        }
    }
    if any { Ok(()) } else { Err(BadRow::Nothing) }
}
