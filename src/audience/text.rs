//! Cleaning of text that a person typed or pasted: the first step for every field, and the only one for names.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::reason::{Field, Reason};

/// The maximum length of a value after cleaning, in characters.
const MAX_CHARS: usize = 256;
/// The same for fields that may contain a URL with path and query. Their normal form is much shorter.
const MAX_URL_CHARS: usize = 2_048;

/// Trims the text, removes invisible characters, and replaces each run of white space with one space.
///
/// The result may be empty. The caller treats that as an absent value.
pub(super) fn clean(raw: &str, field: Field) -> Result<Cow<'_, str>, Reason> {
    let text = trim(raw);
    let cleaned = if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(rebuild(text, field)?) };
    let max = match field {
        Field::Website | Field::LinkedinUrl => MAX_URL_CHARS,
        _ => MAX_CHARS,
    };
    // The length in bytes is checked first, because counting characters is slower.
    if cleaned.len() > max && cleaned.chars().count() > max {
        return Err(Reason::TooLong(field, max));
    }
    Ok(cleaned)
}

/// The same for values that must not contain white space.
pub(super) fn clean_word(raw: &str, field: Field) -> Result<Cow<'_, str>, Reason> {
    let cleaned = clean(raw, field)?;
    if cleaned.contains(' ') { Err(Reason::WhiteSpace(field)) } else { Ok(cleaned) }
}

/// Whether the text is empty after trimming.
pub(super) fn is_blank(raw: &str) -> bool {
    trim(raw).is_empty()
}

/// Lower case, character by character, so that the result for a character never depends on its neighbours.
pub(super) fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether two texts are equal without regard to case.
pub(super) fn same_letters(a: &str, b: &str) -> bool {
    a == b || lower(a).eq(lower(b))
}

fn trim(raw: &str) -> &str {
    // A fast path: most values begin and end with a letter or a digit.
    if let [first, .., last] = raw.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return raw;
    }
    raw.trim_matches(|c: char| c.is_whitespace() || is_invisible(c) || is_joiner(c))
}

/// Whether the text is printable ASCII with single spaces. Most values are, and they need no cleaning.
fn is_plain(text: &str) -> bool {
    // Without an early exit the compiler can vectorise this loop.
    let (printable, spaces) = text.bytes().fold((true, 0_u32), |(printable, spaces), byte| {
        (printable & matches!(byte, b' '..=b'~'), spaces + u32::from(byte == b' '))
    });
    printable && (spaces < 2 || !text.contains("  "))
}

fn rebuild(text: &str, field: Field) -> Result<String, Reason> {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars().filter(|&c| !is_invisible(c)) {
        if c.is_whitespace() {
            space = true;
        } else if c.is_control() {
            return Err(Reason::ControlCharacter(field));
        } else {
            if space {
                out.push(' ');
                space = false;
            }
            out.push(c);
        }
    }
    // Some systems write é as one character and others as two. Both are the same name.
    Ok(ComposingNormalizerBorrowed::new_nfc().normalize(&out).into_owned())
}

/// Byte order mark, zero-width space, soft hyphen, word joiner, and the direction marks in text copied from dialogs.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Joiners. Inside a word they are part of the spelling in some scripts; at its ends they have no meaning.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests;
