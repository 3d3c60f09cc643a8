//! `docs/conditions.md`: every condition with its meaning, example messages and what to do, as Markdown.

use propensity_operator::controller::{ConditionExample, condition_examples};

use crate::reference::prose;

const INTRO: &str = "\
Every condition that the operator writes, by kind of object, with example messages. The messages are produced by the\n\
functions that produce those of real objects, with invented names.\n\
\n\
`Ready` is always present. `Reconciling` and `Stalled` have the reason and the message of `Ready` and are only present\n\
while they are true:\n\
\n\
| state | conditions | meaning |\n\
| --- | --- | --- |\n\
| `Ready` True | `Ready` True | The object is as its spec asks. |\n\
| `Reconciling` | `Ready` False, `Reconciling` True | The operator is working, or waits for time or for a change in the cluster. |\n\
| `Stalled` | `Ready` False, `Stalled` True | A person has to act before anything else happens. |\n\
| `Ready` False | `Ready` False | The object is suspended. |\n\
\n\
All other condition types are only present while they are true. Audiences, reports and receipts also get\n\
[events](operations.md#events-and-logs), with the same messages.\n";

/// The whole document.
pub fn document() -> String {
    let mut out = format!(
        "# Conditions\n\n<!-- Generated from the operator's messages by `make generate`. Don't edit. -->\n\n{INTRO}"
    );
    let examples = condition_examples();
    for of_kind in examples.chunk_by(|a, b| a.kind == b.kind) {
        out.push_str(&format!("\n## {}\n", of_kind[0].kind));
        for of_type in of_kind.chunk_by(|a, b| a.type_ == b.type_) {
            let type_ = of_type[0].type_;
            out.push_str(&format!("\n### {}: {}\n\n{}\n\n", of_type[0].kind, type_.as_str(), prose(type_.meaning())));
            out.push_str(
                "| reason | state | meaning | what to do | example messages |\n| --- | --- | --- | --- | --- |\n",
            );
            out.push_str(&rows(of_type));
        }
    }
    out
}

/// One row for each reason in a state, in the order in which they come first.
fn rows(examples: &[ConditionExample]) -> String {
    let mut rows: Vec<(&ConditionExample, Vec<String>)> = vec![];
    for example in examples {
        let same = rows.iter_mut().find(|(first, _)| (first.reason, first.state) == (example.reason, example.state));
        match same {
            Some((_, messages)) => messages.push(cell(&example.message)),
            None => rows.push((example, vec![cell(&example.message)])),
        }
    }
    let row = |(ConditionExample { reason, state, action, .. }, messages): &(&ConditionExample, Vec<String>)| {
        let messages = messages.join("<br><br>");
        format!("| `{}` | {state} | {} | {action} | {messages} |\n", reason.as_str(), cell(reason.meaning()))
    };
    rows.iter().map(row).collect()
}

fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}
