//! Files in common and in invalid forms.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::audience::Field;

type Rows = Vec<(u64, String)>;

/// Rows as `number: field=value …`.
fn rows(
    text: impl AsRef<[u8]>,
    kind: Kind,
    format: Format,
    columns: &Columns,
) -> Result<(Rows, FileSummary), FileError> {
    let mut rows = vec![];
    let summary = read(text.as_ref(), kind, format, columns, |number, member| {
        let fields: Vec<_> = member.fields().map(|(name, value)| format!("{name}={value}")).collect();
        rows.push((number, fields.join(" ")));
    })?;
    Ok((rows, summary))
}

fn contacts(text: impl AsRef<[u8]>, format: Format) -> Result<Rows, FileError> {
    rows(text, Kind::Contacts, format, &Columns::default()).map(|(rows, _)| rows)
}

fn accounts(text: impl AsRef<[u8]>, format: Format) -> Result<Rows, FileError> {
    rows(text, Kind::Accounts, format, &Columns::default()).map(|(rows, _)| rows)
}

fn ada() -> Rows {
    vec![(1, "company_name=Analytical Engines first_name=Ada last_name=Lovelace".to_owned())]
}

#[test]
fn the_same_contact_in_every_format() {
    let csv = "First Name,last_name,Company,Country\nAda,Lovelace,Analytical Engines,UK\n";
    let (from_csv, summary) = rows(csv, Kind::Contacts, Format::Csv, &Columns::default()).unwrap();
    assert_eq!(from_csv, [(2, ada()[0].1.clone())]);
    assert_eq!(summary, FileSummary { rows: 1, ignored_columns: 1 });
    let object = r#"{"first_name":"Ada","lastName":"Lovelace","company":"Analytical Engines","country":"UK"}"#;
    for text in [format!("[{object}]"), format!(r#"{{"contacts":[{object}],"more":[1]}}"#)] {
        let (from_json, summary) = rows(&text, Kind::Contacts, Format::Json, &Columns::default()).unwrap();
        assert_eq!((from_json, summary), (ada(), FileSummary { rows: 1, ignored_columns: 1 }), "{text}");
    }
    assert_eq!(contacts(format!("\n{object}\n\n"), Format::Ndjson).unwrap(), [(2, ada()[0].1.clone())]);
    let yaml = "- firstName: Ada\n  last name: Lovelace\n  company: Analytical Engines\n  email:\n";
    assert_eq!(contacts(yaml, Format::Yaml).unwrap(), ada());
    let body = "contacts:\n- {first_name: Ada, last_name: Lovelace, company_name: Analytical Engines}\n";
    assert_eq!(contacts(body, Format::Yaml).unwrap(), ada());
}

#[test]
fn csv_of_spreadsheets_and_databases_is_read() {
    let wanted: Rows = [(2, "a.com"), (3, "b.com")].map(|(row, site)| (row, format!("website={site}"))).to_vec();
    for text in [
        "website\na.com\nb.com",
        "\u{feff}Website\r\na.com\r\nb.com\r\n",
        "name;website\nA;a.com\n\"B; Co\";b.com\n",
        "name\twebsite\nA, B\ta.com\nC\tb.com\n",
        "\"website\",\"name\"\n\"a.com\",\"the \"\"A\"\"\"\n\"b.com\",\"two\nlines\"\n",
        " website , name \n a.com , A \n b.com , B \n",
    ] {
        assert_eq!(accounts(text, Format::Csv).unwrap(), wanted, "{text:?}");
    }
    // Blank rows aren't rows.
    assert_eq!(accounts("name,website\nA,a.com\n,\n\nB,b.com\n,,\n", Format::Csv).unwrap_err(), ragged(5, 2, 3));
    let gaps = accounts("name,website\nA,a.com\n,\n\nB,b.com\n", Format::Csv).unwrap();
    assert_eq!(gaps, [(2, "website=a.com".to_owned()), (4, "website=b.com".to_owned())]);
}

fn ragged(row: u64, expected: u64, found: u64) -> FileError {
    FileError::Ragged { row, expected, found }
}

#[test]
fn accounts_may_be_plain_texts() {
    let wanted = [(1, "website=a.com".to_owned()), (2, "website=b.com".to_owned())];
    assert_eq!(accounts(r#"["a.com", {"domain": "b.com"}]"#, Format::Json).unwrap(), wanted);
    assert_eq!(accounts("- a.com\n- website: b.com\n", Format::Yaml).unwrap(), wanted);
    assert_eq!(accounts("\"a.com\"\n{\"url\":\"b.com\"}\n", Format::Ndjson).unwrap(), wanted);
}

#[test]
fn columns_can_be_named() {
    let columns = Columns::new([(Field::Website, "Home".to_owned())]);
    let text = "website,home\nold.com,new.com\n";
    let (found, summary) = rows(text, Kind::Accounts, Format::Csv, &columns).unwrap();
    assert_eq!((found, summary.ignored_columns), (vec![(2, "website=new.com".to_owned())], 1));
    let missing = rows("website\na.com\n", Kind::Accounts, Format::Csv, &columns).unwrap_err();
    assert_eq!(missing, FileError::ColumnMissing(Field::Website));
}

#[test]
fn invalid_csv_gives_no_list() {
    let headings = "first_name, last_name, company_name, website, email and linkedin_url";
    for (text, why) in [
        ("", FileError::Empty),
        (" \n\t\n", FileError::Empty),
        ("\u{feff}", FileError::Empty),
        ("Ada,Lovelace,Engines\n", FileError::NoKnownColumn(headings)),
        ("email,mail\na@example.com,b@example.com\n", two(Field::Email, 1, 2)),
        ("first_name,last_name\nAda,Lovelace\nCharles\n", ragged(3, 2, 1)),
        ("first_name,company\nAda,Engines, Inc.\n", ragged(2, 2, 3)),
        ("first_name,company\nAda,\"Engines\nCharles,Other\n", FileError::OpenQuote),
    ] {
        assert_eq!(contacts(text, Format::Csv).unwrap_err(), why, "{text:?}");
    }
    assert_eq!(contacts(b"email\n\xff\xfea", Format::Csv).unwrap_err(), FileError::Encoding(6));
    // UTF-16, as some spreadsheets save.
    assert_eq!(contacts(b"\xff\xfee\0m\0", Format::Csv).unwrap_err(), FileError::Encoding(0));
}

fn two(field: Field, first: usize, second: usize) -> FileError {
    FileError::TwoColumns { field, first, second }
}

#[test]
fn invalid_json_and_yaml_give_no_list() {
    let syntax = |format, line| FileError::Syntax { format, line };
    let list = FileError::NotAList("contacts");
    for (text, format, why) in [
        ("[{\"email\":\"a@example.com\"},\n{\"ema", Format::Json, syntax(Format::Json, 2)),
        ("[]\n[]", Format::Json, syntax(Format::Json, 2)),
        ("\"contacts\"", Format::Json, list.clone()),
        ("null", Format::Json, list.clone()),
        ("{\"accounts\":[]}", Format::Json, list.clone()),
        ("{\"contacts\":{}}", Format::Json, list.clone()),
        ("{\"contacts\":null}", Format::Json, list.clone()),
        ("[\"a.com\"]", Format::Json, FileError::NotText(1)),
        ("[{},{\"email\":[\"a\"]}]", Format::Json, FileError::NotText(2)),
        ("[{\"firstName\":7}]", Format::Json, FileError::NotText(1)),
        ("[null]", Format::Json, FileError::NotText(1)),
        ("[{\"email\":\"a\",\"E-Mail\":\"b\"}]", Format::Json, FileError::FieldTwice { row: 1, field: Field::Email }),
        ("{\"email\":\"a\"}\n{\"email\"\n", Format::Ndjson, syntax(Format::Ndjson, 2)),
        ("{\"email\":\"a\"} {}\n", Format::Ndjson, syntax(Format::Ndjson, 1)),
        ("[{\"email\":\"a\"}]\n", Format::Ndjson, FileError::NotText(1)),
        ("- email: a\n  - b\n", Format::Yaml, syntax(Format::Yaml, 2)),
        ("email: a\n", Format::Yaml, list),
        ("- firstName: 7\n", Format::Yaml, FileError::NotText(1)),
    ] {
        assert_eq!(contacts(text, format).unwrap_err(), why, "{text:?}");
    }
}

/// Endless nesting, aliases and repetitions end early with an error.
#[test]
fn bombs_are_limited() {
    let deep = "[".repeat(100_000);
    assert!(matches!(contacts(&deep, Format::Json), Err(FileError::NotText(1) | FileError::Syntax { .. })));
    let deep = format!("[{{\"x\":{}", "[".repeat(100_000));
    assert!(matches!(contacts(&deep, Format::Json), Err(FileError::Syntax { .. })));
    assert!(contacts("- ".repeat(100_000), Format::Yaml).is_err());
    let mut laughs = "a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        let same = format!("*a{}, ", level - 1).repeat(10);
        laughs += &format!("a{level}: &a{level} [{same}]\n");
    }
    assert!(matches!(contacts(laughs + "contacts: []\n", Format::Yaml), Err(FileError::Syntax { .. })));
    let many = format!("website\n{}", "a\n".repeat(1_000_001));
    assert_eq!(accounts(&many, Format::Csv).unwrap_err(), FileError::TooManyRows);
    let many = format!("[{}\"a\"]", "\"a\",".repeat(1_000_000));
    assert_eq!(accounts(&many, Format::Json).unwrap_err(), FileError::TooManyRows);
    assert_eq!(accounts(vec![b'a'; MAX_FILE_BYTES + 1], Format::Csv).unwrap_err(), FileError::TooLarge);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_unpacked_within_limits() {
    let text = b"website\na.com\n";
    assert_eq!(unpack(text).unwrap().as_ref(), text);
    assert_eq!(unpack(&packed(text)).unwrap().as_ref(), text);
    let twice = [packed(b"website\n"), packed(b"a.com\n")].concat();
    assert_eq!(unpack(&twice).unwrap().as_ref(), text, "members one after another are one file");
    let whole = packed(text);
    for damaged in [&whole[..whole.len() - 4], &whole[..12], &whole[..2]] {
        assert_eq!(unpack(damaged).unwrap_err(), FileError::Gzip);
    }
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(unpack(&flipped).unwrap_err(), FileError::Gzip);
    assert_eq!(unpack(&packed(&vec![0; MAX_FILE_BYTES + 1])).unwrap_err(), FileError::TooLarge);
}

#[test]
fn the_extension_decides_the_format() {
    for (name, format) in [
        ("contacts.csv", Some(Format::Csv)),
        ("lists/q4.TSV", Some(Format::Csv)),
        ("contacts.csv.gz", Some(Format::Csv)),
        ("a.jsonl", Some(Format::Ndjson)),
        ("a.yml", Some(Format::Yaml)),
        ("contacts", None),
        ("contacts.xlsx", None),
    ] {
        assert_eq!(Format::of_name(name), format, "{name}");
    }
}

#[test]
fn no_message_repeats_content_of_a_file() {
    let canary = "canary@example.com";
    for (text, format) in [
        (format!("{canary}\n{canary}\n"), Format::Csv),
        (format!("email\n{canary},{canary}\n"), Format::Csv),
        (format!("email\n\"{canary}\n"), Format::Csv),
        (format!("[\"{canary}\"]"), Format::Json),
        (format!("\"{canary}\""), Format::Json),
        (format!("[{{\"email\":{{\"{canary}\":1}}}}]"), Format::Json),
        (format!("[{{\"{canary}\":\n"), Format::Json),
        (format!("{{\"email\":\"{canary}\"\n"), Format::Ndjson),
        (format!("- email: [{canary}]\n"), Format::Yaml),
        (format!("email: {canary}: {canary}\n"), Format::Yaml),
    ] {
        let why = contacts(&text, format).unwrap_err();
        assert!(!format!("{why} {why:?}").contains("canary"), "{why}");
    }
}
