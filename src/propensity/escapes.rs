//! Decodes the escapes in which an API may return a value: percent, JSON and HTML.

use percent_encoding::percent_decode_str;

/// Decodes one layer of escapes.
pub(super) fn decode(text: &str) -> String {
    let text =
        if text.contains('%') { percent_decode_str(text).decode_utf8_lossy().into_owned() } else { text.to_owned() };
    let text = if text.contains('\\') { backslashes(&text) } else { text };
    if text.contains('&') { entities(&text) } else { text }
}

/// Whether `decode` could change anything.
pub(super) fn has_escapes(text: &str) -> bool {
    text.contains(['%', '\\', '&'])
}

fn backslashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = rest.strip_prefix('\\');
        let unit = escape.and_then(|after| after.strip_prefix('u')).and_then(|after| after.get(..4));
        if let Some(unit) = unit.and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
            units.push(unit);
            rest = &rest[6..];
            continue;
        }
        flush(&mut units, &mut out);
        match escape.and_then(|after| after.chars().next()) {
            Some('n' | 'r' | 't' | 'b' | 'f') => {
                out.push(' ');
                rest = &rest[2..];
            }
            Some(escaped @ ('"' | '\'' | '\\' | '/')) => {
                out.push(escaped);
                rest = &rest[2..];
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    flush(&mut units, &mut out);
    out
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        if let Some((c, end)) = end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            out.push(c);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "commat" => '@',
        "period" => '.',
        "sol" => '/',
        "colon" => ':',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests;
