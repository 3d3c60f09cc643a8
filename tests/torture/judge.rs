//! The judgement of a case: the simulator's log against the receipts, and never the operator's own word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::call::{Call, Journal, Passed};
use crate::support::objects::reason;
use crate::support::wait::ensure;
use crate::support::{Kind, World};

/// What came of a case that is as it should be.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether the request that was waited for came.
    pub caught: bool,
    pub requests: usize,
    /// Unknown outcomes before a person settled them.
    pub unknowns: usize,
    /// Requests of each kind while the trap was set.
    pub calls: BTreeMap<Call, u32>,
}

/// How often each body was stored as an audience.
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

/// The attempts whose outcome is unknown and that nobody settled.
pub fn open_unknowns(record: &Value) -> impl Iterator<Item = &Value> {
    let settled: BTreeSet<_> =
        each(record, "resolutions").map(|resolution| resolution["attempt"].to_string()).collect();
    each(record, "attempts")
        .filter(move |a| a["outcome"]["result"] == "Unknown" && !settled.contains(&a["id"].to_string()))
}

/// Whether an audience wants the list of a receipt now.
pub fn wanted(world: &World, receipt: &Value) -> bool {
    let audiences = world.objects.list(Kind::Accounts);
    audiences.iter().any(|audience| audience["status"]["receiptRef"]["name"] == receipt["metadata"]["name"])
}

/// How many receipts are unknown, if each can be seen.
pub fn visible_unknowns(world: &World) -> Result<usize, String> {
    let receipts = world.receipts();
    let unknown: Vec<_> = receipts.iter().filter(|receipt| receipt["record"]["state"] == "Unknown").collect();
    for receipt in &unknown {
        for audience in world.objects.list(Kind::Accounts) {
            let mine = audience["status"]["receiptRef"]["name"] == receipt["metadata"]["name"];
            ensure(!mine || reason(&audience) == "OutcomeUnknown", || format!("unknown, but told as {audience}"))?;
        }
    }
    let told = world.get(Kind::Workspace, "default")["status"]["openUnknowns"].as_u64().unwrap_or_default();
    let open: usize = unknown.iter().map(|receipt| open_unknowns(&receipt["record"]).count()).sum();
    ensure(told >= unknown.len() as u64, || {
        format!("{} receipts with {open} attempts are unknown, but the workspace tells of {told}", unknown.len())
    })?;
    Ok(unknown.len())
}

/// Whether the promise was kept.
pub fn judge(world: &World, journal: &Journal) -> Result<(), String> {
    claimed_first(journal)?;
    let (sent, stored) = (count(&world.simulator.borrow().requests()), stored(world));
    let receipts = world.receipts();
    let mut attempts: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let mut authorised: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unsent = 0;
    for record in receipts.iter().map(|receipt| &receipt["record"]) {
        unsent += record["notSent"]["count"].as_u64().unwrap_or_default() as usize;
        let of_all: Vec<_> = each(record, "attempts").collect();
        let again = each(record, "resolutions").filter(|resolution| resolution["decision"] == "send-again").count();
        let payloads: BTreeSet<_> = of_all.iter().filter_map(|attempt| attempt["payloadHash"].as_str()).collect();
        for payload in payloads {
            *authorised.entry(payload).or_default() += again;
        }
        for attempt in of_all {
            attempts.entry(attempt["payloadHash"].as_str().unwrap_or_default()).or_default().push(attempt);
        }
    }
    let made = |payload: &str, results: &[&str]| {
        let of_it = attempts.get(payload).into_iter().flatten();
        of_it.filter(|attempt| attempt["outcome"]["result"].as_str().is_some_and(|r| results.contains(&r))).count()
    };
    let (came, all) = (sent.values().sum::<usize>(), attempts.values().map(Vec::len).sum::<usize>());
    ensure(came <= all + unsent, || format!("{came} requests, and {all} attempts beside {unsent} that sent nothing"))?;
    // A request whose body was never read has no hash.
    for (payload, count) in sent.iter().filter(|(payload, _)| !payload.is_empty()) {
        let recorded = attempts.get(payload.as_str()).map_or(0, Vec::len);
        ensure(*count <= recorded + unsent, || format!("{count} requests of {payload}, and {recorded} attempts"))?;
    }
    for (payload, count) in &stored {
        let allowed = 1 + authorised.get(payload.as_str()).copied().unwrap_or_default();
        ensure(*count <= allowed, || format!("stored {count} times: {payload}; allowed: {allowed}"))?;
        let possible = made(payload, &["Created", "Unknown"]);
        ensure(*count <= possible, || format!("stored {count} times: {payload}; receipts tell of {possible}"))?;
    }
    for payload in attempts.keys() {
        let (told, count) = (made(payload, &["Created"]), stored.get(*payload).copied().unwrap_or_default());
        ensure(told <= count, || format!("{told} times created by the receipts, {count} times stored: {payload}"))?;
    }
    for audience in world.objects.list(Kind::Accounts) {
        newest_is_stored(&audience, &receipts, &stored)?;
    }
    Ok(())
}

/// Whether what an audience says of its newest list is true.
fn newest_is_stored(audience: &Value, receipts: &[Value], stored: &BTreeMap<String, usize>) -> Result<(), String> {
    if !["Created", "AlreadyCreated"].contains(&reason(audience)) {
        return Ok(());
    }
    let name = &audience["status"]["receiptRef"]["name"];
    let receipt = receipts.iter().find(|receipt| receipt["metadata"]["name"] == *name);
    let receipt = receipt.ok_or_else(|| format!("created without a receipt: {audience}"))?;
    let mut payloads = each(&receipt["record"], "attempts").filter_map(|attempt| attempt["payloadHash"].as_str());
    ensure(payloads.any(|payload| stored.contains_key(payload)), || format!("created, but not stored: {audience}"))
}

/// Each request to the Propensity API has a claim of its own that was stored before.
fn claimed_first(journal: &Journal) -> Result<(), String> {
    let (mut claims, mut posts) = (0, 0);
    for step in journal.steps() {
        match step {
            Passed::Answered(Call::Claim, status) if status < 300 => claims += 1,
            Passed::Forwarded(Call::Post) => posts += 1,
            _ => {}
        }
        ensure(posts <= claims, || format!("request {posts} after {claims} claims: {:?}", journal.steps()))?;
    }
    Ok(())
}
