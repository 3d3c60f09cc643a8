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
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use bolero::check;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    fn packed(build: impl FnOnce(&mut Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(vec![], Compression::fast()));
        build(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn header(size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        header
    }

    fn add(builder: &mut Builder<GzEncoder<Vec<u8>>>, path: &str, bytes: &[u8]) {
        builder.append_data(&mut header(bytes.len() as u64), path, bytes).unwrap();
    }

    #[test]
    fn one_file_is_read_by_its_path() {
        let long = format!("{}/sites.csv", "deep/".repeat(60).trim_end_matches('/'));
        let archive = packed(|builder| {
            add(builder, "README.md", b"hello");
            add(builder, "lists/sites.csv", b"website\na.example.com\n");
            add(builder, &long, b"far");
        });
        assert_eq!(extract_file(&archive[..], "lists/sites.csv").unwrap(), b"website\na.example.com\n");
        assert_eq!(extract_file(&archive[..], &long).unwrap(), b"far");
        // The same in pax format, with the global header that git writes first.
        let pax = packed(|builder| {
            let mut global = header(5);
            global.set_entry_type(EntryType::XGlobalHeader);
            global.set_cksum();
            builder.append(&global, &b"5 a=\n"[..]).unwrap();
            builder.append_pax_extensions([("path", long.as_bytes())]).unwrap();
            add(builder, "short", b"far");
        });
        assert_eq!(extract_file(&pax[..], &long).unwrap(), b"far");
        assert_eq!(extract_file(&pax[..], "short"), Err(ArchiveError::FileNotFound));
        for path in ["sites.csv", "lists/sites", "lists/sites.csv2", "Lists/sites.csv"] {
            assert_eq!(extract_file(&archive[..], path), Err(ArchiveError::FileNotFound), "{path}");
        }
        let dotted = packed(|builder| {
            let mut header = header(3);
            header.as_gnu_mut().unwrap().name[..7].copy_from_slice(b"./a.csv");
            header.set_cksum();
            builder.append(&header, &b"abc"[..]).unwrap();
        });
        assert_eq!(extract_file(&dotted[..], "a.csv").unwrap(), b"abc");
    }

    #[test]
    fn links_and_directories_are_rejected() {
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Directory, EntryType::Fifo] {
            let archive = packed(|builder| {
                let mut header = header(0);
                header.set_entry_type(kind);
                builder.append_link(&mut header, "sites.csv", "/etc/passwd").unwrap();
            });
            assert_eq!(extract_file(&archive[..], "sites.csv"), Err(ArchiveError::NotAFile), "{kind:?}");
        }
        for path in ["/etc/passwd", "../a", "a/../b", "a//b", "./a", "", "a/"] {
            assert!(!is_valid_path(path), "{path:?}");
        }
        assert!(is_valid_path("lists/..a/b.csv"));
    }

    #[test]
    fn truncated_archives_are_rejected() {
        let archive = packed(|builder| add(builder, "sites.csv", &[b'a'; 100_000]));
        assert!(extract_file(&archive[..], "sites.csv").is_ok());
        for end in [0, 5, archive.len() / 2] {
            assert_eq!(extract_file(&archive[..end], "sites.csv"), Err(ArchiveError::Damaged), "{end}");
        }
        assert_eq!(extract_file(&b"website\na.example.com\n"[..], "sites.csv"), Err(ArchiveError::Damaged));
    }

    #[test]
    fn archive_bombs_are_limited() {
        // A file that claims more than the limit, and more than it has.
        for size in [(MAX_FILE_BYTES as u64) + 1, u64::MAX >> 1] {
            let mut encoder = GzEncoder::new(vec![], Compression::fast());
            let mut header = header(size);
            header.set_path("sites.csv").unwrap();
            header.set_cksum();
            encoder.write_all(header.as_bytes()).unwrap();
            let archive = encoder.finish().unwrap();
            assert_eq!(extract_file(&archive[..], "sites.csv"), Err(ArchiveError::FileTooLarge));
        }
        // An extended header that would fill memory.
        for kind in [EntryType::GNULongName, EntryType::XHeader] {
            let archive = packed(|builder| {
                let mut header = header(8 << 20);
                header.set_entry_type(kind);
                header.set_cksum();
                builder.append(&header, io::repeat(b'a').take(8 << 20)).unwrap();
                add(builder, "sites.csv", b"website\n");
            });
            assert_eq!(extract_file(&archive[..], "sites.csv"), Err(ArchiveError::ArchiveTooLarge), "{kind:?}");
        }
        // Zeros before the file.
        let archive = packed(|builder| {
            add(builder, "zeros", &vec![0; 2 << 20]);
            add(builder, "sites.csv", b"website\n");
        });
        assert!(archive.len() < 64 << 10);
        assert_eq!(extract_file_within(&archive[..], "sites.csv", 1 << 20), Err(ArchiveError::ArchiveTooLarge));
        assert!(extract_file_within(&archive[..], "sites.csv", 3 << 20).is_ok());
    }

    #[test]
    fn any_bytes_give_a_file_or_an_error() {
        let archive = packed(|builder| {
            add(builder, "a.csv", b"website\na.example.com\n");
            add(builder, "b.csv", b"website\nb.example.com\n");
        });
        check!().for_each(|bytes: &[u8]| {
            let _ = extract_file(bytes, "b.csv");
            // The same unpacked archive with some bytes changed.
            let mut unpacked = vec![];
            GzDecoder::new(&archive[..]).read_to_end(&mut unpacked).unwrap();
            for (at, byte) in bytes.iter().enumerate() {
                let len = unpacked.len();
                unpacked[(at * 37 + usize::from(*byte) * 3) % len] ^= byte;
            }
            if let Ok(file) = find(&unpacked[..], "b.csv") {
                assert!(file.len() <= MAX_FILE_BYTES);
            }
        });
    }
}
