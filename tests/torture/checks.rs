//! The checks of a case: they compare the simulator's log with the receipts, and never rely on the operator's status
//! alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::call::{Call, Journal, Step};
use crate::support::objects::reason;
use crate::support::wait::ensure;
use crate::support::{Kind, World};

/// The result of a case that has passed its checks.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// Whether the trap has caught a request.
    pub caught: bool,
    pub requests: usize,
    /// Unknown outcomes before a person resolved them.
    pub unknowns: usize,
    /// Requests of each kind while the trap was set.
    pub calls: BTreeMap<Call, u32>,
}

/// How often each request body was stored as an audience, by its hash.
pub fn stored(world: &World) -> BTreeMap<String, usize> {
    count(&world.simulator.borrow().audiences())
}

fn count(lines: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line["bodySha256"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

fn each<'a>(record: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    record[field].as_array().into_iter().flatten()
}

/// The attempts whose outcome is unknown and not resolved.
pub fn open_unknowns(record: &Value) -> impl Iterator<Item = &Value> {
    let resolved: BTreeSet<_> =
        each(record, "resolutions").map(|resolution| resolution["attempt"].to_string()).collect();
    each(record, "attempts")
        .filter(move |a| a["outcome"]["result"] == "Unknown" && !resolved.contains(&a["id"].to_string()))
}

/// Whether the current list of an audience is that of the receipt.
pub fn is_needed(world: &World, receipt: &Value) -> bool {
    let audiences = world.objects.list(Kind::Accounts);
    audiences.iter().any(|audience| audience["status"]["receiptRef"]["name"] == receipt["metadata"]["name"])
}

/// How many receipts are unknown; an error if one of them isn't reported in a status.
pub fn reported_unknowns(world: &World) -> Result<usize, String> {
    let receipts = world.receipts();
    let unknown: Vec<_> = receipts.iter().filter(|receipt| receipt["record"]["state"] == "Unknown").collect();
    for receipt in &unknown {
        for audience in world.objects.list(Kind::Accounts) {
            let has_receipt = audience["status"]["receiptRef"]["name"] == receipt["metadata"]["name"];
            ensure(!has_receipt || reason(&audience) == "OutcomeUnknown", || {
                format!("unknown, but its audience reports {audience}")
            })?;
        }
    }
    let reported = world.get(Kind::Workspace, "default")["status"]["openUnknowns"].as_u64().unwrap_or_default();
    let open: usize = unknown.iter().map(|receipt| open_unknowns(&receipt["record"]).count()).sum();
    ensure(reported >= unknown.len() as u64, || {
        format!("{} receipts with {open} attempts are unknown, but the workspace reports {reported}", unknown.len())
    })?;
    Ok(unknown.len())
}

/// Whether nothing was sent or stored more often than allowed, and the receipts agree with the simulator's log.
pub fn requests_match_receipts(world: &World, journal: &Journal) -> Result<(), String> {
    every_request_has_a_claim(journal)?;
    let (sent, stored) = (count(&world.simulator.borrow().requests()), stored(world));
    let receipts = world.receipts();
    let mut attempts: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let mut authorised: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unsent = 0;
    for record in receipts.iter().map(|receipt| &receipt["record"]) {
        unsent += record["notSent"]["count"].as_u64().unwrap_or_default() as usize;
        let of_receipt: Vec<_> = each(record, "attempts").collect();
        let again = each(record, "resolutions").filter(|resolution| resolution["decision"] == "send-again").count();
        let payloads: BTreeSet<_> = of_receipt.iter().filter_map(|attempt| attempt["payloadHash"].as_str()).collect();
        for payload in payloads {
            *authorised.entry(payload).or_default() += again;
        }
        for attempt in of_receipt {
            attempts.entry(attempt["payloadHash"].as_str().unwrap_or_default()).or_default().push(attempt);
        }
    }
    let count_results = |payload: &str, results: &[&str]| {
        let attempts = attempts.get(payload).into_iter().flatten();
        attempts.filter(|attempt| attempt["outcome"]["result"].as_str().is_some_and(|r| results.contains(&r))).count()
    };
    let (received, all) = (sent.values().sum::<usize>(), attempts.values().map(Vec::len).sum::<usize>());
    ensure(received <= all + unsent, || {
        format!("{received} requests, but {all} attempts and {unsent} that sent nothing")
    })?;
    // A request whose body was never read has no hash.
    for (payload, count) in sent.iter().filter(|(payload, _)| !payload.is_empty()) {
        let recorded = attempts.get(payload.as_str()).map_or(0, Vec::len);
        ensure(*count <= recorded + unsent, || format!("{count} requests of {payload}, but {recorded} attempts"))?;
    }
    for (payload, count) in &stored {
        let allowed = 1 + authorised.get(payload.as_str()).copied().unwrap_or_default();
        ensure(*count <= allowed, || format!("stored {count} times: {payload}; allowed: {allowed}"))?;
        let possible = count_results(payload, &["Created", "Unknown"]);
        ensure(*count <= possible, || format!("stored {count} times: {payload}; in receipts: {possible}"))?;
    }
    for payload in attempts.keys() {
        let (reported, count) =
            (count_results(payload, &["Created"]), stored.get(*payload).copied().unwrap_or_default());
        ensure(reported <= count, || {
            format!("created {reported} times by the receipts, stored {count} times: {payload}")
        })?;
    }
    for audience in world.objects.list(Kind::Accounts) {
        reported_create_is_stored(&audience, &receipts, &stored)?;
    }
    Ok(())
}

/// Whether an audience that reports its newest list as created has a receipt and is stored.
fn reported_create_is_stored(
    audience: &Value,
    receipts: &[Value],
    stored: &BTreeMap<String, usize>,
) -> Result<(), String> {
    if !["Created", "AlreadyCreated"].contains(&reason(audience)) {
        return Ok(());
    }
    let name = &audience["status"]["receiptRef"]["name"];
    let receipt = receipts.iter().find(|receipt| receipt["metadata"]["name"] == *name);
    let receipt = receipt.ok_or_else(|| format!("created without a receipt: {audience}"))?;
    let mut payloads = each(&receipt["record"], "attempts").filter_map(|attempt| attempt["payloadHash"].as_str());
    ensure(payloads.any(|payload| stored.contains_key(payload)), || format!("created, but not stored: {audience}"))
}

/// Whether each request to the Propensity API has its own claim that was stored before it.
fn every_request_has_a_claim(journal: &Journal) -> Result<(), String> {
    let (mut claims, mut posts) = (0, 0);
    for step in journal.steps() {
        match step {
            Step::Answered(Call::Claim, status) if status < 300 => claims += 1,
            Step::Forwarded(Call::Post) => posts += 1,
            _ => {}
        }
        ensure(posts <= claims, || format!("request {posts} after {claims} claims: {:?}", journal.steps()))?;
    }
    Ok(())
}
