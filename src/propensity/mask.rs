//! Makes the API's message safe to show: without the key, addresses, and values of the list that was sent.
//!
//! The list may have half a million values and the message is short, so the message is indexed, and each string of
//! the request body is searched in it. Texts are compared by their letters and digits only, in lower case, so that
//! case, spaces and punctuation don't hide a value. A value with at most three letters and digits counts only as
//! whole words. Each layer of escapes is searched too. In doubt, text is masked, and a message that can't be searched
//! is dropped.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::escapes::{decode, has_escapes};
use super::key::ApiKey;

/// The maximum length of a message in bytes. Longer messages are dropped: truncation could leave a part of a value.
pub(super) const MAX_MESSAGE_BYTES: usize = 4096;
/// The maximum length of the masked message in characters.
pub(super) const MAX_SHOWN_CHARS: usize = 256;
/// Placeholder for masked text during processing; a private-use character that is removed from messages.
const HIDDEN: char = '\u{E000}';
/// The number of layers of escapes that are decoded.
const LAYERS: usize = 4;
/// Values with at least this many letters and digits are also searched inside of words.
pub(super) const LONG: usize = 4;
/// Words with at least this many letters and digits can't be prose.
const TOKEN: usize = 20;

/// Masks messages about one request.
pub struct Masker<'a> {
    key: &'a ApiKey,
    sent: &'a [u8],
}

impl fmt::Debug for Masker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(hidden)")
    }
}

impl<'a> Masker<'a> {
    /// For a request with this key and this JSON body. Does no work until a message is masked.
    pub fn new(key: &'a ApiKey, sent: &'a [u8]) -> Self {
        Self { key, sent }
    }

    /// The message with `***` instead of each secret, in one line of at most 256 characters. `None` if the message is
    /// empty or too long, or if the body isn't JSON.
    pub fn mask(&self, message: &str) -> Option<String> {
        if message.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        let mut text = visible(&message.replace(HIDDEN, ""));
        for _ in 0..LAYERS {
            text = self.mask_layer(&text)?;
            let decoded = decode(&text);
            if decoded == text {
                return finish(&text);
            }
            text = visible(&decoded);
        }
        None
    }

    /// Masks one layer. Each string of the body is searched as it is and with its escapes decoded.
    fn mask_layer(&self, text: &str) -> Option<String> {
        let mut index = Index::new(text);
        index.hide_shapes();
        index.hide_value(self.key.expose());
        let mut hide = |value: &str| {
            index.hide_value(value);
            if has_escapes(value) {
                index.hide_value(&decode(value));
            }
        };
        let mut json = serde_json::Deserializer::from_slice(self.sent);
        (&mut json).deserialize_any(Strings(&mut hide)).and_then(|()| json.end()).ok()?;
        Some(index.shown())
    }
}

/// A message, indexed by its letters and digits.
struct Index {
    chars: Vec<char>,
    hidden: Vec<bool>,
    /// Letters and digits in lower case, each with its position in `chars`.
    letters: Vec<(char, usize)>,
    /// Where each sequence of [`LONG`] letters begins in `letters`.
    grams: HashMap<[char; LONG], Vec<usize>>,
    /// Where words begin in `letters`.
    words: Vec<usize>,
}

impl Index {
    fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let lower = |(at, c): (usize, &char)| c.to_lowercase().map(move |c| (c, at));
        let letters: Vec<_> = chars.iter().enumerate().flat_map(lower).filter(|(c, _)| c.is_alphanumeric()).collect();
        let mut grams: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, window) in letters.windows(LONG).enumerate() {
            grams.entry(std::array::from_fn(|i| window[i].0)).or_default().push(at);
        }
        let begins = |at: usize| at.checked_sub(1).is_none_or(|before| !chars[before].is_alphanumeric());
        let words = (0..letters.len()).filter(|i| begins(letters[*i].1)).collect();
        Self { hidden: vec![false; chars.len()], chars, letters, grams, words }
    }

    fn hide_value(&mut self, value: &str) {
        let letters = || value.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric());
        let mut first = ['\0'; LONG];
        let count = first.iter_mut().zip(letters()).map(|(slot, c)| *slot = c).count();
        if count == LONG {
            // Nearly all values of a long list end here.
            let Some(starts) = self.grams.get(&first) else { return };
            let wanted: Vec<char> = letters().collect();
            for start in starts {
                hide_match(&self.letters, &mut self.hidden, *start, &wanted);
            }
        } else if count > 0 {
            for start in &self.words {
                if self.ends_word(start + count) {
                    hide_match(&self.letters, &mut self.hidden, *start, &first[..count]);
                }
            }
        }
    }

    /// Whether no letter follows the last of these letters in the message.
    fn ends_word(&self, end: usize) -> bool {
        let last = self.letters.get(end - 1);
        last.is_some_and(|(_, at)| !self.chars.get(at + 1).is_some_and(|c| c.is_alphanumeric()))
    }

    /// Hides whole words that look like an address or a secret, and words that aren't plain ASCII: the API's own text
    /// is ASCII, and other letters have too many notations for a reliable comparison.
    fn hide_shapes(&mut self) {
        let ends_word = |c: &char| c.is_whitespace() || c.is_control() || "\"'<>()[]{},;|`".contains(*c);
        let mut start = 0;
        for word in self.chars.split(ends_word) {
            if looks_secret(word) {
                self.hidden[start..start + word.len()].fill(true);
            }
            start += word.len() + 1;
        }
    }

    fn shown(&self) -> String {
        let hide = |(c, hidden): (&char, &bool)| if *hidden { HIDDEN } else { *c };
        self.chars.iter().zip(&self.hidden).map(hide).collect()
    }
}

fn hide_match(letters: &[(char, usize)], hidden: &mut [bool], start: usize, wanted: &[char]) {
    let Some(found) = letters.get(start..start + wanted.len()) else {
        return;
    };
    if found.iter().map(|(c, _)| c).eq(wanted) {
        hidden[found[0].1..=found[found.len() - 1].1].fill(true);
    }
}

fn looks_secret(word: &[char]) -> bool {
    let plain = |c: &char| c.is_ascii() || matches!(*c, '\u{2010}'..='\u{2027}' | HIDDEN);
    let trimmed = word.iter().filter(|c| c.is_ascii_alphanumeric()).count();
    if !word.iter().all(plain) || trimmed >= TOKEN {
        return true;
    }
    let text: String = word.iter().collect::<String>().to_ascii_lowercase();
    if text.contains('@') || text.contains("://") || text.contains("www.") {
        return true;
    }
    // A host or an IPv4 address, with or without a port and a path, also after `name=`.
    text.split(['/', ':', '=', '?', '&', '#', '!']).any(looks_like_host)
}

fn looks_like_host(part: &str) -> bool {
    let part = part.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let labels: Vec<&str> = part.split('.').collect();
    let fine = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if labels.len() < 2 || !labels.iter().all(fine) {
        return false;
    }
    let last = labels[labels.len() - 1];
    let address = labels.len() == 4 && labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    address || (last.len() >= 2 && last.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

/// One line: control characters removed, white space collapsed, hidden text as `***`, shortened.
fn finish(text: &str) -> Option<String> {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut line = String::new();
        for c in word.chars() {
            match c {
                HIDDEN if line.ends_with("***") => {}
                HIDDEN => line.push_str("***"),
                c => line.push(c),
            }
        }
        if line.is_empty() || (line == "***" && out.ends_with("***")) {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&line);
    }
    if let Some((cut, _)) = out.char_indices().nth(MAX_SHOWN_CHARS) {
        let kept = out.char_indices().nth(MAX_SHOWN_CHARS - 1).map_or(cut, |(at, _)| at);
        out.truncate(kept);
        out.push('\u{2026}');
    }
    (!out.is_empty()).then_some(out)
}

/// The text without invisible characters: soft hyphens, joiners, direction marks.
fn visible(text: &str) -> String {
    let invisible = |c: char| {
        matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
            || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    text.replace(invisible, "")
}

/// Visits all strings of a JSON document except field names.
struct Strings<'f>(&'f mut dyn FnMut(&str));

impl<'de> Visitor<'de> for Strings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Strings(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<IgnoredAny>()?.is_some() {
            fields.next_value_seed(Strings(self.0))?;
        }
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Strings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}
