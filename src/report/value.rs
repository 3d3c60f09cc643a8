//! The cells of a report, and the parsing of text in a declared format.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// Numbers with a larger absolute value are refused, because sums of them would be meaningless.
const LARGEST: f64 = 1e18;

/// Numbers with a smaller absolute value count as zero.
const SMALLEST: f64 = 1e-18;

/// A cell of a row in the report.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Null or absent.
    Nothing,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A whole number with all its digits, because it may be an ID.
    Integer(i128),
    /// Text.
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested,
}

impl Cell<'_> {
    /// The cell as text, for filters and groups. `None` for absent and nested values.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text.trim())),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Integer(number) => Some(number.to_string().into()),
            Self::Bool(value) => Some(value.to_string().into()),
            Self::Nothing | Self::Nested => None,
        }
    }

    /// Whether the cell is absent or only white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// The format of numbers in text: `$1,234.50`, `12,5 %`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// The decimal separator: `.` or `,`.
    pub decimal: char,
    /// The separator of groups of three digits, if there is one.
    pub group: Option<char>,
    /// The text before the digits, such as `$`.
    pub prefix: String,
    /// The text after the digits, such as `%`.
    pub suffix: String,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self { decimal: '.', group: None, prefix: String::new(), suffix: String::new() }
    }
}

impl NumberFormat {
    /// Whether the format is valid: two different separators that are neither digits nor signs.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_mark = |c: char| !c.is_ascii_digit() && !matches!(c, '-' | '\u{2212}');
        self.group != Some(self.decimal) && is_mark(self.decimal) && self.group.is_none_or(is_mark)
    }

    /// Parses a number in this format. White space around it and next to prefix and suffix is ignored. A minus sign is
    /// allowed before the digits or before the prefix.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<f64> {
        let (negative, rest) = minus(text.trim());
        let rest = rest.strip_prefix(self.prefix.trim())?.trim_start();
        let (inner, rest) = minus(rest);
        let rest = rest.strip_suffix(self.suffix.trim())?.trim_end();
        if negative && inner {
            return None;
        }
        let (whole, fraction) = rest.split_once(self.decimal).map_or((rest, None), |(whole, f)| (whole, Some(f)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut plain = String::with_capacity(rest.len());
        match self.group.filter(|group| whole.contains(*group)) {
            None if digits(whole) => plain.push_str(whole),
            None => return None,
            Some(group) => {
                for (number, part) in whole.split(group).enumerate() {
                    let fits = if number == 0 { part.len() <= 3 } else { part.len() == 3 };
                    if !fits || !digits(part) {
                        return None;
                    }
                    plain.push_str(part);
                }
            }
        }
        if let Some(fraction) = fraction {
            if !digits(fraction) {
                return None;
            }
            plain.push('.');
            plain.push_str(fraction);
        }
        let number = plain.parse().ok().and_then(in_range)?;
        Some(if negative || inner { -number } else { number })
    }
}

fn minus(text: &str) -> (bool, &str) {
    match text.strip_prefix('-').or_else(|| text.strip_prefix('\u{2212}')) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    }
}

/// The number if it is finite and not larger than [`LARGEST`]. Numbers below [`SMALLEST`] become zero.
pub(super) fn in_range(number: f64) -> Option<f64> {
    let number = if number.abs() < SMALLEST { 0.0 } else { number };
    (number.abs() <= LARGEST).then_some(number)
}

/// The format of dates in text, in `strftime` notation: `%Y-%m-%d`, `%m/%d/%Y %H:%M`. Dates without an offset are in
/// UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat(pub String);

impl DateFormat {
    /// Whether the format is valid: it has at least a year, a month and a day, in any notation.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        strtime::format(&self.0, &now).is_ok_and(|text| self.read(&text) == Some(Timestamp::UNIX_EPOCH))
    }

    /// Parses a date in this format.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let time = strtime::parse(&self.0, text.trim()).ok()?;
        time.to_timestamp()
            .or_else(|_| time.to_datetime().and_then(|time| time.to_zoned(TimeZone::UTC)).map(|time| time.timestamp()))
            .or_else(|_| time.to_date().and_then(|date| date.to_zoned(TimeZone::UTC)).map(|time| time.timestamp()))
            .ok()
    }
}

#[cfg(test)]
mod tests;
