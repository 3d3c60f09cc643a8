//! Sentences of messages. A message of one sentence has no full stop at its end, one of several sentences has.

use std::fmt::Display;

use jiff::Timestamp;

/// The text of an error as sentences: what follows its last colon, such as what to do, becomes a sentence of its own.
#[must_use]
pub fn of_error(error: &impl Display) -> String {
    let text = error.to_string();
    let Some((cause, advice)) = text.rsplit_once(": ") else { return text };
    let mut letters = advice.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{cause}. {first}{}.", letters.as_str())
}

/// Adds a sentence to a message.
pub fn add(message: &mut String, sentence: &str) {
    if !message.ends_with('.') {
        message.push('.');
    }
    message.push(' ');
    message.push_str(sentence);
}

/// A message with one more sentence.
#[must_use]
pub fn with(mut message: String, sentence: &str) -> String {
    add(&mut message, sentence);
    message
}

/// A time for people, to the second.
#[must_use]
pub fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A number of members.
#[must_use]
pub fn count(members: u64) -> String {
    counted(members, "member")
}

/// A number of things, by the word for one of them.
#[must_use]
pub fn counted(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests;
