//! The rows of a report, one by one as its bytes come: neither the body nor a row's neighbours are ever in memory.

use std::borrow::Cow;
use std::cell::Cell as Shared;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::report::{Cell, Row, looks_like_value};

/// Bytes that a row may have.
const LARGEST_ROW: u64 = 1 << 20;

/// How the rows of a report are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An array of objects, at this place of a JSON body; each part of the path is the name of a field.
    Json(Vec<String>),
    /// An object on each line.
    Ndjson,
    /// Cells between commas under a row of headings.
    Csv,
}

/// Why a report can't be read to its end. None of them repeats what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// A page for people.
    #[error("it is a page of HTML or XML and no report: the URL or its query may be wrong")]
    Html,
    /// It ends too soon.
    #[error("it is cut off")]
    CutOff,
    /// Not what the layout says.
    #[error("it isn't valid {0} (line {1})")]
    Syntax(&'static str, u64),
    /// Valid, and no rows where they should be.
    #[error("there is no array of rows at {}: say in spec.rows where it is", if .0.is_empty() { "the top of its body" } else { .0 })]
    NotAList(String),
    /// A row that isn't an object.
    #[error("row {0} isn't an object")]
    NotARow(u64),
    /// Two headings are the same.
    #[error("columns {0} and {1} have the same heading")]
    TwoColumns(usize, usize),
    /// A first row that is none of headings.
    #[error("its first row has values where the headings of the columns should be")]
    NoHeadings,
    /// A row with two cells of one name.
    #[error("row {0} has two cells of one name")]
    Twins(u64),
    /// A row with another number of cells than the headings.
    #[error("row {0} has another number of cells than the headings: it may be cut off")]
    Ragged(u64),
    /// More bytes than a report may have.
    #[error("it is larger than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// A row without end.
    #[error("a row is larger than {} KiB", LARGEST_ROW >> 10)]
    RowTooLarge,
}

/// What takes the cells of each row, with the names of their columns.
type Sink<'a> = dyn FnMut(&Row<'_>) + 'a;

/// Gives each row of a report, and tells how many bytes it had. `largest` bounds those.
///
/// # Errors
/// When it can't be read to its end. Rows may have been given before.
pub fn read(report: impl Read, layout: &Layout, largest: u64, mut row: impl FnMut(&Row<'_>)) -> Result<u64, RowsError> {
    let watch = Watch::default();
    let guarded = Guarded { inner: report, watch: watch.clone(), largest };
    let mut bytes = BufReader::with_capacity(64 << 10, guarded);
    let first = skip_blank(&mut bytes).map_err(|_| watch.wrong(RowsError::CutOff))?;
    if first == Some(b'<') {
        return Err(RowsError::Html);
    }
    match layout {
        Layout::Json(path) => {
            let mut json = serde_json::Deserializer::from_reader(bytes);
            let mut rows = Rows { watch: &watch, row: &mut row, number: 0, wrong: None };
            let parsed = Place { rows: &mut rows, path, whole: path }.deserialize(&mut json).and_then(|()| json.end());
            let wrong = rows.wrong.take();
            parsed
                .map_err(|error| wrong.unwrap_or_else(|| watch.wrong(meaning(&error, "JSON", error.line() as u64))))?;
        }
        Layout::Ndjson => {
            let mut rows = Rows { watch: &watch, row: &mut row, number: 0, wrong: None };
            let mut line = vec![];
            while bytes.read_until(b'\n', &mut line).map_err(|_| watch.wrong(RowsError::CutOff))? > 0 {
                rows.number += 1;
                if !line.trim_ascii().is_empty() {
                    let mut json = serde_json::Deserializer::from_slice(&line);
                    let parsed = OneRow(&mut rows).deserialize(&mut json).and_then(|()| json.end());
                    let wrong = rows.wrong.take();
                    let number = rows.number;
                    parsed.map_err(|error| wrong.unwrap_or_else(|| meaning(&error, "NDJSON", number)))?;
                }
                line.clear();
                watch.row.set(0);
            }
        }
        Layout::Csv => csv(bytes, &watch, &mut row)?,
    }
    Ok(watch.bytes.get())
}

fn csv(bytes: impl Read, watch: &Watch, row: &mut Sink<'_>) -> Result<(), RowsError> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut record = ::csv::StringRecord::new();
    let mut headings: Option<Vec<String>> = None;
    let mut number = 0;
    loop {
        watch.row.set(0);
        number += 1;
        let more = reader.read_record(&mut record).map_err(|error| {
            watch.wrong(match error.kind() {
                ::csv::ErrorKind::UnequalLengths { .. } => RowsError::Ragged(number),
                ::csv::ErrorKind::Io(_) => RowsError::CutOff,
                _ => RowsError::Syntax("CSV", number),
            })
        })?;
        if !more {
            return Ok(());
        }
        let Some(names) = &headings else {
            let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
            if names.iter().any(|name| looks_like_value(name)) {
                return Err(RowsError::NoHeadings);
            }
            let mut known = HashMap::new();
            for (at, name) in names.iter().enumerate() {
                if let Some(first) = known.insert(name, at) {
                    return Err(RowsError::TwoColumns(first + 1, at + 1));
                }
            }
            headings = Some(names);
            continue;
        };
        let names = names.iter().map(|name| Cow::Borrowed(name.as_str()));
        let cells: Vec<_> = names.zip(record.iter().map(|cell| Cell::Text(cell.into()))).collect();
        row(&cells);
    }
}

/// Skips white space and a byte-order mark; the first byte behind that.
fn skip_blank(bytes: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = bytes.fill_buf()?;
        let mark = if buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let blank = buffer[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (skip, first) = (mark + blank, buffer.get(mark + blank).copied());
        bytes.consume(skip);
        if first.is_some() || skip == 0 {
            return Ok(first);
        }
    }
}

/// serde's own words would repeat values.
fn meaning(error: &serde_json::Error, layout: &'static str, line: u64) -> RowsError {
    match error.classify() {
        serde_json::error::Category::Eof | serde_json::error::Category::Io => RowsError::CutOff,
        _ => RowsError::Syntax(layout, line),
    }
}

/// What was read, shared between the reader at the bottom and the parser above it.
#[derive(Clone, Default)]
struct Watch {
    bytes: Rc<Shared<u64>>,
    /// Bytes since the last row began.
    row: Rc<Shared<u64>>,
    failed: Rc<Shared<Option<u64>>>,
}

impl Watch {
    /// What is wrong: a bound that was reached, or what that looks like from above.
    fn wrong(&self, otherwise: RowsError) -> RowsError {
        match self.failed.get() {
            Some(0) => RowsError::RowTooLarge,
            Some(largest) => RowsError::TooLarge(largest),
            None => otherwise,
        }
    }
}

/// Ends what goes on for too long.
struct Guarded<R> {
    inner: R,
    watch: Watch,
    largest: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let many = self.inner.read(buffer)?;
        let Watch { bytes, row, failed } = &self.watch;
        bytes.set(bytes.get() + many as u64);
        row.set(row.get() + many as u64);
        if bytes.get() > self.largest {
            failed.set(Some(self.largest));
        } else if row.get() > LARGEST_ROW {
            failed.set(Some(0));
        }
        if failed.get().is_some() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(many) }
    }
}

/// Where rows go.
struct Rows<'a> {
    watch: &'a Watch,
    row: &'a mut Sink<'a>,
    number: u64,
    wrong: Option<RowsError>,
}

/// A place in the body that leads to the rows.
struct Place<'a, 'b> {
    rows: &'a mut Rows<'b>,
    path: &'a [String],
    whole: &'a [String],
}

struct OneRow<'a, 'b>(&'a mut Rows<'b>);

struct Value;

impl Place<'_, '_> {
    fn not_a_list<E: serde::de::Error>(&mut self) -> E {
        let place = self.whole.iter().map(|part| format!("/{part}")).collect();
        self.rows.wrong.get_or_insert(RowsError::NotAList(place));
        E::custom("")
    }
}

impl OneRow<'_, '_> {
    fn not_a_row<E: serde::de::Error>(&mut self) -> E {
        let number = self.0.number;
        self.0.wrong.get_or_insert(RowsError::NotARow(number));
        E::custom("")
    }
}

/// What isn't what it should be, whatever else it is.
macro_rules! refuse {
    ($how:ident: $($visit:ident($value:ty))*) => {
        $(fn $visit<E: serde::de::Error>(mut self, _: $value) -> Result<(), E> {
            Err(self.$how())
        })*

        fn visit_unit<E: serde::de::Error>(mut self) -> Result<(), E> {
            Err(self.$how())
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("rows")
        }
    };
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();
    refuse! { not_a_list: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some((next, path)) = self.path.split_first() else { return Err(self.not_a_list()) };
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == *next && !found {
                found = true;
                map.next_value_seed(Place { rows: self.rows, path, whole: self.whole })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            self.rows.watch.row.set(0);
        }
        if found { Ok(()) } else { Err(self.not_a_list()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        if !self.path.is_empty() {
            return Err(self.not_a_list());
        }
        loop {
            self.rows.number += 1;
            self.rows.watch.row.set(0);
            if seq.next_element_seed(OneRow(self.rows))?.is_none() {
                return Ok(());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_> {
    type Value = ();
    refuse! { not_a_row: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut cells: Vec<(Cow<'static, str>, Cell<'static>)> = vec![];
        while let Some(name) = map.next_key::<String>()? {
            cells.push((name.into(), map.next_value_seed(Value)?));
        }
        if has_twins(&cells) {
            let number = self.0.number;
            self.0.wrong.get_or_insert(RowsError::Twins(number));
            return Err(serde::de::Error::custom(""));
        }
        (self.0.row)(&cells);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, _: A) -> Result<(), A::Error> {
        Err(self.not_a_row())
    }
}

/// Whether two cells have one name.
fn has_twins(cells: &Row<'_>) -> bool {
    // Nearly all rows have few cells, for which a set would be the slower way.
    if cells.len() <= 64 {
        return cells.iter().enumerate().any(|(at, (name, _))| cells[..at].iter().any(|(other, _)| other == name));
    }
    let mut names = HashSet::new();
    !cells.iter().all(|(name, _)| names.insert(name))
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Cell<'static>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Cell<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cell::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(value.to_owned().into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Cell::Text(value.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bolero::check;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn rows(report: &[u8], layout: &Layout) -> Result<Vec<String>, RowsError> {
        let mut rows = vec![];
        read(report, layout, 64 * MIB, |row| {
            let cells: Vec<_> = row.iter().map(|(name, cell)| format!("{name}={cell:?}")).collect();
            rows.push(cells.join(" "));
        })?;
        Ok(rows)
    }

    fn json(path: &[&str]) -> Layout {
        Layout::Json(path.iter().map(|part| (*part).to_owned()).collect())
    }

    #[test]
    fn every_layout_gives_its_rows() {
        let array = br#" [{"a": 1, "b": "x"}, {"a": null, "b": [1, {"c": 2}]}, {}] "#;
        let wanted = [r#"a=Integer(1) b=Text("x")"#, "a=Nothing b=Nested", ""];
        assert_eq!(rows(array, &json(&[])).unwrap(), wanted);
        let wrapped =
            [br#"{"meta": {"rows": 3}, "results": {"data": "#.as_slice(), array, br#", "next": null}}"#].concat();
        assert_eq!(rows(&wrapped, &json(&["results", "data"])).unwrap(), wanted);
        let lines = b"{\"a\": true}\n\n{\"a\": -2.5}";
        assert_eq!(rows(lines, &Layout::Ndjson).unwrap(), ["a=Bool(true)", "a=Number(-2.5)"]);
        let csv = b"\xef\xbb\xbfSite, Spend \na.example.com,\"$1,000\"\n";
        assert_eq!(rows(csv, &Layout::Csv).unwrap(), [r#"Site=Text("a.example.com") Spend=Text("$1,000")"#]);
        for layout in [json(&[]), Layout::Ndjson, Layout::Csv] {
            let empty: &[u8] = if layout == json(&[]) { b"[]" } else { b"" };
            assert!(rows(empty, &layout).unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_no_report_is_told_without_its_words() {
        for (report, layout, why) in [
            ("<!DOCTYPE html><p>canary", json(&[]), RowsError::Html),
            ("", json(&[]), RowsError::CutOff),
            ("[{\"canary\": 1}, {\"can", json(&[]), RowsError::CutOff),
            ("[{\"canary\": NaN}]", json(&[]), RowsError::Syntax("JSON", 1)),
            ("{\"canary\": []}", json(&[]), RowsError::NotAList(String::new())),
            ("{\"canary\": []}", json(&["rows"]), RowsError::NotAList("/rows".to_owned())),
            ("{\"rows\": \"canary\"}", json(&["rows"]), RowsError::NotAList("/rows".to_owned())),
            ("[{}, \"canary\"]", json(&[]), RowsError::NotARow(2)),
            ("[[\"canary\"]]", json(&[]), RowsError::NotARow(1)),
            ("{\"canary\": 1}\n{canary}\n", Layout::Ndjson, RowsError::Syntax("NDJSON", 2)),
            ("a,b,a\n1,2,3\n", Layout::Csv, RowsError::TwoColumns(1, 3)),
            ("a,b\n1,2\ncanary\n", Layout::Csv, RowsError::Ragged(3)),
            ("Ada,canary@example.com\nBo,canary@example.org\n", Layout::Csv, RowsError::NoHeadings),
            ("[{\"canary\": 1}, {\"a\": 1, \"canary\": 2, \"canary\": 3}]", json(&[]), RowsError::Twins(2)),
        ] {
            let error = rows(report.as_bytes(), &layout).unwrap_err();
            assert_eq!(error, why, "{report}");
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(rows(b"a\n\xff\xfe\n", &Layout::Csv), Err(RowsError::Syntax("CSV", 2)));
        assert_eq!(rows("[".repeat(100_000).as_bytes(), &json(&[])), Err(RowsError::NotARow(1)));
        let deep = format!("[{{\"a\": {}", "[".repeat(100_000));
        assert_eq!(rows(deep.as_bytes(), &json(&[])), Err(RowsError::CutOff));
    }

    #[test]
    fn endless_reports_end() {
        let endless = |start: &'static [u8]| start.chain(io::repeat(b'1'));
        for (start, layout) in [
            (&b"[{\"a\": \""[..], json(&[])),
            (b"[{\"a\": ", json(&[])),
            (b"{\"a\": \"", Layout::Ndjson),
            (b"a,b\n\"", Layout::Csv),
        ] {
            let error = read(endless(start), &layout, 64 * MIB, |_| ()).unwrap_err();
            assert_eq!(error, RowsError::RowTooLarge, "{layout:?}");
        }
        let line = b"{\"a\": 1}\n";
        let lines = line.repeat((3 << 20) / line.len());
        assert_eq!(read(&lines[..], &Layout::Ndjson, 2 * MIB, |_| ()), Err(RowsError::TooLarge(2 * MIB)));
        let blank = read(io::repeat(b' '), &Layout::Csv, 2 * MIB, |_| ());
        assert!(matches!(blank, Err(RowsError::RowTooLarge | RowsError::TooLarge(_))));
    }

    #[test]
    fn any_bytes_end_in_rows_or_an_error() {
        check!().for_each(|bytes: &[u8]| {
            for layout in [json(&[]), json(&["a"]), Layout::Ndjson, Layout::Csv] {
                let _ = read(bytes, &layout, MIB, |_| ());
            }
        });
    }
}
