//! JSON, NDJSON and YAML. Rows are processed one by one while the text is parsed, so the file is never in memory as a
//! tree.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::columns::Columns;
use super::error::{FileError, MAX_ROWS};
use super::format::Format;
use super::kind::{FileSummary, body_field};
use crate::audience::{Field, Kind, Member};

/// The maximum number of unknown field names that are counted.
const MAX_UNKNOWN: usize = 1000;

pub(super) fn read(
    text: &str,
    kind: Kind,
    format: Format,
    columns: &Columns,
    mut row: impl FnMut(u64, &mut Member),
) -> Result<FileSummary, FileError> {
    let mut rows = Rows { kind, columns, row: &mut row, number: 0, count: 0, unknown: BTreeSet::new(), error: None };
    let syntax = |line| FileError::Syntax { format, line };
    match format {
        Format::Yaml => {
            let parsed = serde_saphyr::with_deserializer_from_str(text, |yaml| {
                Array(&mut rows, Envelope::Allowed).deserialize(yaml)
            });
            if let Err(error) = parsed {
                return Err(rows.error.unwrap_or_else(|| syntax(error.location().map_or(0, |at| at.line()))));
            }
        }
        Format::Ndjson => {
            for (at, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
                rows.number = at - 1;
                let mut json = serde_json::Deserializer::from_str(line);
                let parsed = OneRow(&mut rows).deserialize(&mut json).and_then(|()| json.end());
                if parsed.is_err() {
                    return Err(rows.error.unwrap_or_else(|| syntax(at)));
                }
            }
        }
        _ => {
            let mut json = serde_json::Deserializer::from_str(text);
            let parsed = Array(&mut rows, Envelope::Allowed).deserialize(&mut json).and_then(|()| json.end());
            if let Err(error) = parsed {
                return Err(rows.error.unwrap_or_else(|| syntax(error.line() as u64)));
            }
        }
    }
    Ok(FileSummary { rows: rows.count, ignored_columns: rows.unknown.len() as u64 })
}

/// The state of reading, and the function that gets the rows.
struct Rows<'a> {
    kind: Kind,
    columns: &'a Columns,
    row: &'a mut dyn FnMut(u64, &mut Member),
    /// The number of the last row.
    number: u64,
    count: u64,
    unknown: BTreeSet<String>,
    /// The error, if it isn't a syntax error: errors of serde contain values.
    error: Option<FileError>,
}

impl Rows<'_> {
    fn fail<E: serde::de::Error>(&mut self, why: FileError) -> E {
        self.error.get_or_insert(why);
        E::custom("")
    }

    fn take<E: serde::de::Error>(&mut self, mut member: Member) -> Result<(), E> {
        self.count += 1;
        if self.count > MAX_ROWS {
            return Err(self.fail(FileError::TooManyRows));
        }
        (self.row)(self.number, &mut member);
        Ok(())
    }

    fn not_text<E: serde::de::Error>(&mut self) -> E {
        self.fail(FileError::NotText(self.number))
    }

    fn not_a_list<E: serde::de::Error>(&mut self) -> E {
        self.fail(FileError::NotAList(body_field(self.kind)))
    }
}

/// An array, or the API's request body with the array, if that is allowed here.
struct Array<'a, 'b>(&'a mut Rows<'b>, Envelope);

/// Whether the array may be inside of a request body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Envelope {
    Allowed,
    NotAllowed,
}

/// A row: an object, or for an account only its website.
struct OneRow<'a, 'b>(&'a mut Rows<'b>);

/// A value of a row: a string or null.
struct Text<'a, 'b>(&'a mut Rows<'b>);

/// What all three visitors reject in the same way. serde's own messages would contain the value.
macro_rules! reject {
    ($how:ident: $($visit:ident($value:ty))*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $value) -> Result<Self::Value, E> {
            Err(self.0.$how())
        })*

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of members")
        }
    };
}

impl<'de> DeserializeSeed<'de> for Array<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Array<'_, '_> {
    type Value = ();

    reject!(not_a_list: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str));

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(self.0.not_a_list())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut body: A) -> Result<(), A::Error> {
        let mut found = false;
        while self.1 == Envelope::Allowed
            && let Some(name) = body.next_key::<String>()?
        {
            if name == body_field(self.0.kind) && !found {
                found = true;
                body.next_value_seed(Array(&mut *self.0, Envelope::NotAllowed))?;
            } else {
                body.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(self.0.not_a_list()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element_seed(OneRow(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.number += 1;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_> {
    type Value = ();

    reject!(not_text: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64));

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(self.0.not_text())
    }

    fn visit_str<E: serde::de::Error>(self, website: &str) -> Result<(), E> {
        match self.0.kind {
            Kind::Accounts => self.0.take(Member::account(website)),
            Kind::Contacts => Err(self.0.not_text()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.0.not_text())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut member = Member::default();
        let mut given: Vec<Field> = vec![];
        while let Some(name) = object.next_key::<String>()? {
            let Some(field) = self.0.columns.field_of(&name, self.0.kind) else {
                if self.0.unknown.len() < MAX_UNKNOWN {
                    self.0.unknown.insert(name);
                }
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if given.contains(&field) {
                let row = self.0.number;
                return Err(self.0.fail(FileError::FieldTwice { row, field }));
            }
            given.push(field);
            *member.field_mut(field) = object.next_value_seed(Text(&mut *self.0))?;
        }
        self.0.take(member)
    }
}

impl<'de> DeserializeSeed<'de> for Text<'_, '_> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<String>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_, '_> {
    type Value = Option<String>;

    reject!(not_text: visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64));

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text).filter(|text| !text.trim().is_empty()).map(str::to_owned))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Option<String>, A::Error> {
        Err(self.0.not_text())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Option<String>, A::Error> {
        Err(self.0.not_text())
    }
}
