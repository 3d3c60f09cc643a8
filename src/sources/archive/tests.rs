#![allow(clippy::unwrap_used)]

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
