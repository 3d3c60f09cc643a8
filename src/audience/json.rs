//! A member as RFC 8785 JSON.
//!
//! This module has its own writer because a flat object of strings needs only a small part of RFC 8785: the keys are
//! written in their order, and there are no numbers. A property test compares it with the `serde_json_canonicalizer`
//! crate.

use super::Member;

/// Parses a text that [`write_object`] wrote.
pub(super) fn parse(text: &[u8]) -> Member {
    #[derive(serde::Deserialize)]
    struct Wire {
        company_name: Option<String>,
        email: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        linkedin_url: Option<String>,
        website: Option<String>,
    }
    let Wire { company_name, email, first_name, last_name, linkedin_url, website } =
        serde_json::from_slice(text).expect("the text was written by write_object");
    Member { first_name, last_name, company_name, website, email, linkedin_url }
}

/// Appends the member as a JSON object.
pub(super) fn write_object(json: &mut Vec<u8>, member: &Member) {
    let Member { first_name, last_name, company_name, website, email, linkedin_url } = member;
    let start = json.len();
    write_field(json, b",\"company_name\":", company_name);
    write_field(json, b",\"email\":", email);
    write_field(json, b",\"first_name\":", first_name);
    write_field(json, b",\"last_name\":", last_name);
    write_field(json, b",\"linkedin_url\":", linkedin_url);
    write_field(json, b",\"website\":", website);
    match json.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => json.push(b'{'),
    }
    json.push(b'}');
}

#[inline]
fn write_field<const N: usize>(json: &mut Vec<u8>, name: &[u8; N], value: &Option<String>) {
    if let Some(value) = value {
        json.extend_from_slice(name);
        write_string(json, value);
    }
}

fn write_string(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    // Without an early exit the compiler can vectorise this loop.
    if text.bytes().fold(false, |any, byte| any | needs_escape(byte)) {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => json.extend_from_slice(&[b'\\', byte]),
                0x08 => json.extend_from_slice(b"\\b"),
                b'\t' => json.extend_from_slice(b"\\t"),
                b'\n' => json.extend_from_slice(b"\\n"),
                0x0c => json.extend_from_slice(b"\\f"),
                b'\r' => json.extend_from_slice(b"\\r"),
                0..0x20 => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => json.push(byte),
            }
        }
    } else {
        json.extend_from_slice(text.as_bytes());
    }
    json.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::{option, prelude::*};

    use super::*;

    prop_compose! {
        /// Members with any text in any field.
        pub(in crate::audience) fn any_member()(
            first_name in option::of(any::<String>()),
            last_name in option::of("[\"\\\\\u{0}-\u{1f}a€😀]{0,9}"),
            company_name in option::of("a{0,20}[b\"\u{1}]?"),
            website in option::of("a{0,20}"),
            email in option::of("a{0,20}"),
            linkedin_url in option::of("a{0,20}"),
        ) -> Member {
            Member { first_name, last_name, company_name, website, email, linkedin_url }
        }
    }

    pub(in crate::audience) fn json(member: &Member) -> Vec<u8> {
        let mut json = Vec::new();
        write_object(&mut json, member);
        json
    }

    proptest! {
        #[test]
        fn a_row_is_written_as_in_rfc_8785(member in any_member()) {
            let fields: BTreeMap<_, _> = member.fields().collect();
            prop_assert_eq!(json(&member), serde_json_canonicalizer::to_vec(&fields).unwrap());
        }
    }
}
