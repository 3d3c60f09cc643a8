//! A fuzz target: whatever the API answers, its class never claims more than the answer proves. `make test` runs it
//! for a limited time with random input; `cargo bolero test propensity::answer_fuzz::answers` uses a coverage-guided
//! engine.

use std::time::{Duration, SystemTime};

use bolero::{TypeGenerator, check};
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::answer::AnswerClass;
use super::key::ApiKey;
use super::mask::{MAX_SHOWN_CHARS, Masker};
use super::read::{Body, class_of, retry_after};
use crate::fuzz_input::MutatedText;
use crate::ledger::Evidence;

/// Answers that are nearly right, to start from.
const SAMPLES: [&str; 8] = [
    r#"{"results":{"error":false,"message":"created"}}"#,
    r#"{"results":{"error":true,"message":"Lovelace isn't wanted"}}"#,
    r#"{"results":{"message":["Sesame-42"],"error":false}}"#,
    r#"{"error":false}"#,
    r#"[{"results":{"error":false}}]"#,
    r#"{"results":{"error":false},"results":{"error":true}}"#,
    "<html><body>Bad Gateway</body></html>",
    "",
];

#[derive(Debug, TypeGenerator)]
struct Input {
    status: u16,
    text: MutatedText,
    ending: u8,
    listed: bool,
    retry_after: Vec<u8>,
}

impl Input {
    fn status(&self) -> u16 {
        // Mostly statuses with a meaning.
        const KNOWN: [u16; 16] = [200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503];
        KNOWN.get(usize::from(self.status)).copied().unwrap_or(100 + self.status % 900)
    }

    fn body(&self) -> Body {
        match self.ending {
            0..=9 => Body::Oversized,
            10..=19 => Body::Truncated,
            20..=29 => Body::TimedOut,
            _ => Body::Whole(self.text.mutate(&SAMPLES)),
        }
    }
}

#[test]
fn answers() {
    let key = ApiKey::from_bytes(b"Sesame-42").expect("a key");
    let sent = br#"{"contacts":[{"first_name":"Ada","last_name":"Lovelace"}]}"#;
    check!().with_type::<Input>().for_each(|input| {
        let (status, body) = (input.status(), input.body());
        let result = body.api_result();
        let listed: &[u16] = if input.listed { &[503] } else { &[] };
        let class = class_of(status, &body, result.error, listed);
        let whole = match &body {
            Body::Whole(bytes) => serde_json::from_slice::<Value>(bytes).ok(),
            _ => None,
        };
        let error = whole.as_ref().and_then(|whole| whole["results"]["error"].as_bool());
        match class.evidence() {
            Evidence::Created => assert!((200..300).contains(&status) && error == Some(false)),
            Evidence::Rejected => {
                assert!((400..500).contains(&status) || (200..300).contains(&status) && error == Some(true));
            }
            Evidence::NothingStored => assert!([401, 403, 429].contains(&status)),
            Evidence::Unavailable => assert!(status == 503 && input.listed),
            Evidence::NothingSent => panic!("{class:?}, although it answered"),
            Evidence::Unclear => {}
        }
        if class != AnswerClass::ErrorTrue && error == Some(false) && !(200..300).contains(&status) {
            assert_eq!(class.evidence(), Evidence::Unclear, "a refusal that reports success");
        }
        if let Some(message) = result.message.and_then(|message| Masker::new(&key, sent).mask(&message)) {
            assert!(message.chars().count() <= MAX_SHOWN_CHARS + 1);
            assert!(!message.contains("Sesame-42") && !message.to_lowercase().contains("lovelace"), "{message}");
        }
        if let Ok(header) = HeaderValue::from_bytes(&input.retry_after) {
            let wait = retry_after(&header, SystemTime::UNIX_EPOCH);
            assert!(wait.unwrap_or_default() <= Duration::from_hours(1));
        }
    });
}
