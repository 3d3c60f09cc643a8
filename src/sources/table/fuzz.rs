//! A fuzz target: any bytes give a list or an error within limits, and no error repeats content.

use bolero::check;

use super::{Columns, Format, read, unpack};
use crate::audience::Kind;
use crate::fuzz_input::MutatedText;

/// Files that are nearly right, to start from.
const SAMPLES: [&str; 6] = [
    "first_name,last_name,company,email\nCanary,Lovelace,\"Engines, \"\"Inc\"\"\",canary@example.com\n",
    "website;name\r\ncanary.example.com;x\r\n",
    r#"[{"website":"canary.example.com","more":[1,{"a":null}]}]"#,
    r#"{"contacts":[{"email":"canary@example.com","linkedinUrl":null}]}"#,
    "- {firstName: &a Canary, lastName: *a}\n- company: >\n    Engines\n",
    "{\"url\":\"canary.example.com\"}\n\n\"canary.example.org\"\n",
];

#[test]
fn files() {
    check!().with_type::<MutatedText>().for_each(|input| {
        let bytes = input.mutate(&SAMPLES);
        let Ok(bytes) = unpack(&bytes) else { return };
        for kind in [Kind::Contacts, Kind::Accounts] {
            for format in [Format::Csv, Format::Json, Format::Ndjson, Format::Yaml] {
                let (mut count, mut last) = (0, 0);
                let outcome = read(&bytes, kind, format, &Columns::default(), |number, _| {
                    assert!(number > last, "rows are in order");
                    (count, last) = (count + 1, number);
                });
                match outcome {
                    Ok(summary) => assert_eq!(summary.rows, count),
                    Err(why) => assert!(!why.to_string().to_lowercase().contains("canary"), "{why}"),
                }
            }
        }
    });
}
