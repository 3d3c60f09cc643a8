//! Reads one file of a gzip-compressed tar archive, the format of Flux artifacts. What is read is limited, whatever
//! sizes the archive claims.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType, PaxExtensions};

use super::table::MAX_FILE_BYTES;

/// The maximum size of the unpacked data before the end of the file, in bytes.
const MAX_ARCHIVE_BYTES: u64 = 2 << 30;

/// The maximum number of entries before the file.
const MAX_ENTRIES: usize = 200_000;

/// The maximum size of an extended header, which contains the name of an entry, in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// Why a file can't be read. No message repeats content of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not gzip, not tar, or incomplete.
    #[error("it isn't a gzip-compressed tar archive, or it is cut off")]
    Damaged,
    /// The archive has no entry of this name.
    #[error("there is no such file in it")]
    FileNotFound,
    /// A directory, a link or a device.
    #[error("it isn't a regular file in the archive: links and directories aren't supported")]
    NotAFile,
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("the file is larger than {} MiB: split it", MAX_FILE_BYTES >> 20)]
    FileTooLarge,
    /// The archive exceeds a limit.
    #[error("the archive is too large: more than {MAX_ENTRIES} entries or {} GiB", MAX_ARCHIVE_BYTES >> 30)]
    ArchiveTooLarge,
}

/// Whether a path is valid for a file in an archive: relative, without `.`, `..` and empty parts.
#[must_use]
pub fn is_valid_path(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The content of the file with this path. A leading `./` in the archive is ignored.
///
/// # Errors
/// If there is no such file, or the archive can't be read up to it.
pub fn extract_file(archive: impl Read, path: &str) -> Result<Vec<u8>, ArchiveError> {
    extract_file_within(archive, path, MAX_ARCHIVE_BYTES)
}

fn extract_file_within(archive: impl Read, path: &str, largest: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut limited = GzDecoder::new(archive).take(largest);
    let found = find(&mut limited, path);
    match found {
        Err(ArchiveError::Damaged) if limited.limit() == 0 => Err(ArchiveError::ArchiveTooLarge),
        found => found,
    }
}

fn find(unpacked: impl Read, path: &str) -> Result<Vec<u8>, ArchiveError> {
    let damaged = |_: io::Error| ArchiveError::Damaged;
    let mut archive = Archive::new(unpacked);
    // The name of the next entry, if it is too long for its own header.
    let mut long_name = None;
    let mut entries_read = 0;
    // Raw: the library would read names of any length into memory.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        entries_read += 1;
        if entries_read > MAX_ENTRIES {
            return Err(ArchiveError::ArchiveTooLarge);
        }
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let mut bytes = vec![];
            entry.by_ref().take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes).map_err(damaged)?;
            if bytes.len() as u64 > MAX_HEADER_BYTES {
                return Err(ArchiveError::ArchiveTooLarge);
            }
            let name = if kind.is_gnu_longname() {
                bytes.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
            } else {
                let mut fields = PaxExtensions::new(&bytes).filter_map(Result::ok);
                fields.find(|field| field.key_bytes() == b"path").map(|field| field.value_bytes().to_vec())
            };
            long_name = name.or(long_name);
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = long_name.take().unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let name = name.strip_prefix(b"./").unwrap_or(&name);
        if name.strip_suffix(b"/").unwrap_or(name) != path.as_bytes() {
            continue;
        }
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            return Err(ArchiveError::NotAFile);
        }
        let size = entry.header().entry_size().map_err(damaged)?;
        if size > MAX_FILE_BYTES as u64 {
            return Err(ArchiveError::FileTooLarge);
        }
        let mut bytes = vec![];
        entry.take(size).read_to_end(&mut bytes).map_err(damaged)?;
        return if bytes.len() as u64 == size { Ok(bytes) } else { Err(ArchiveError::Damaged) };
    }
    Err(ArchiveError::FileNotFound)
}

#[cfg(test)]
mod tests;
