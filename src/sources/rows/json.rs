//! Reports as JSON and NDJSON: a visitor that passes on row by row, so that the array is never in memory.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io::{BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::error::RowsError;
use super::limits::Progress;
use super::sink::Sink;
use crate::report::{Cell, Row};

/// Reads the array at `path` in one JSON body.
pub(super) fn read_array<'a>(
    bytes: impl Read,
    path: &[String],
    progress: &'a Progress,
    row: &'a mut Sink<'a>,
) -> Result<(), RowsError> {
    let mut json = serde_json::Deserializer::from_reader(bytes);
    let mut rows = Rows { progress, row, number: 0, error: None };
    let parsed = ArrayAt { rows: &mut rows, path, whole_path: path }.deserialize(&mut json).and_then(|()| json.end());
    let error = rows.error.take();
    parsed
        .map_err(|parser| error.unwrap_or_else(|| progress.error_or(rows_error(&parser, "JSON", parser.line() as u64))))
}

/// Reads one object from each line.
pub(super) fn read_lines<'a>(
    mut bytes: impl BufRead,
    progress: &'a Progress,
    row: &'a mut Sink<'a>,
) -> Result<(), RowsError> {
    let mut rows = Rows { progress, row, number: 0, error: None };
    let mut line = vec![];
    while bytes.read_until(b'\n', &mut line).map_err(|_| progress.error_or(RowsError::Truncated))? > 0 {
        rows.number += 1;
        if !line.trim_ascii().is_empty() {
            let mut json = serde_json::Deserializer::from_slice(&line);
            let parsed = OneRow(&mut rows).deserialize(&mut json).and_then(|()| json.end());
            let error = rows.error.take();
            let number = rows.number;
            parsed.map_err(|parser| error.unwrap_or_else(|| rows_error(&parser, "NDJSON", number)))?;
        }
        line.clear();
        progress.begin_row();
    }
    Ok(())
}

/// The error without serde's own message, which would repeat values.
fn rows_error(error: &serde_json::Error, layout: &'static str, line: u64) -> RowsError {
    match error.classify() {
        Category::Eof | Category::Io => RowsError::Truncated,
        _ => RowsError::Syntax(layout, line),
    }
}

/// The state of reading, and the function that gets the rows.
struct Rows<'a> {
    progress: &'a Progress,
    row: &'a mut Sink<'a>,
    number: u64,
    /// The error, if it isn't a syntax error.
    error: Option<RowsError>,
}

/// The array of rows, or an object that contains it at `path`.
struct ArrayAt<'a, 'b> {
    rows: &'a mut Rows<'b>,
    path: &'a [String],
    whole_path: &'a [String],
}

/// A row: an object of cells.
struct OneRow<'a, 'b>(&'a mut Rows<'b>);

/// The value of a cell.
struct Value;

impl ArrayAt<'_, '_> {
    fn no_array<E: serde::de::Error>(&mut self) -> E {
        let path = self.whole_path.iter().map(|part| format!("/{part}")).collect();
        self.rows.error.get_or_insert(RowsError::NoArray(path));
        E::custom("")
    }
}

impl OneRow<'_, '_> {
    fn not_an_object<E: serde::de::Error>(&mut self) -> E {
        let number = self.0.number;
        self.0.error.get_or_insert(RowsError::NotAnObject(number));
        E::custom("")
    }
}

/// Rejects all values of other types with the same error.
macro_rules! reject {
    ($error:ident: $($visit:ident($value:ty))*) => {
        $(fn $visit<E: serde::de::Error>(mut self, _: $value) -> Result<(), E> {
            Err(self.$error())
        })*

        fn visit_unit<E: serde::de::Error>(mut self) -> Result<(), E> {
            Err(self.$error())
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("rows")
        }
    };
}

impl<'de> DeserializeSeed<'de> for ArrayAt<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArrayAt<'_, '_> {
    type Value = ();
    reject! { no_array: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some((next, path)) = self.path.split_first() else { return Err(self.no_array()) };
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == *next && !found {
                found = true;
                map.next_value_seed(ArrayAt { rows: self.rows, path, whole_path: self.whole_path })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            self.rows.progress.begin_row();
        }
        if found { Ok(()) } else { Err(self.no_array()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        if !self.path.is_empty() {
            return Err(self.no_array());
        }
        loop {
            self.rows.number += 1;
            self.rows.progress.begin_row();
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
    reject! { not_an_object: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut cells: Vec<(Cow<'static, str>, Cell<'static>)> = vec![];
        while let Some(name) = map.next_key::<String>()? {
            cells.push((name.into(), map.next_value_seed(Value)?));
        }
        if has_duplicates(&cells) {
            let number = self.0.number;
            self.0.error.get_or_insert(RowsError::DuplicateCell(number));
            return Err(serde::de::Error::custom(""));
        }
        (self.0.row)(&cells);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, _: A) -> Result<(), A::Error> {
        Err(self.not_an_object())
    }
}

/// Whether two cells have the same name.
fn has_duplicates(cells: &Row<'_>) -> bool {
    // Nearly all rows have few cells, for which a set would be slower.
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
