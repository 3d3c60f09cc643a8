//! Faults of both servers: every fault of the simulator under both policies, an API server that rejects, loses and
//! delays requests or returns old data, a foreign writer, and random kills.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::case::Case;
use super::checks::CaseResult;
use super::report::{Row, run_row, seed};
use crate::support::call::Call;
use crate::support::objects::reason;
use crate::support::random_faults::{Fault, RandomFaults};
use crate::support::stale::StaleApiServer;
use crate::support::wait::ensure;
use crate::support::{Kind, World};

/// A fault, and whether its outcome is unknown. Not included are faults that the operator can't detect: an API that
/// stores the audience but reports the opposite, with 401, 403, 429 or an error in a 200.
const FAULTS: &[(&str, bool)] = &[
    (r#"{"fault": "delay", "delayMs": 300}"#, false),
    (r#"{"fault": "delay", "delayMs": 4000}"#, true),
    (r#"{"fault": "slow", "delayMs": 5}"#, false),
    (r#"{"fault": "oversized"}"#, true),
    (r#"{"fault": "echo"}"#, false),
    (r#"{"fault": "hold", "store": true}"#, true),
    (r#"{"fault": "hold", "store": false}"#, true),
    (r#"{"fault": "status", "status": 400}"#, false),
    (r#"{"fault": "status", "status": 404}"#, false),
    (r#"{"fault": "status", "status": 408}"#, true),
    (r#"{"fault": "status", "status": 413}"#, false),
    (r#"{"fault": "status", "status": 422}"#, false),
    (r#"{"fault": "status", "status": 500}"#, true),
    (r#"{"fault": "status", "status": 502}"#, true),
    (r#"{"fault": "status", "status": 503}"#, true),
    (r#"{"fault": "status", "status": 504}"#, true),
    (r#"{"fault": "status", "status": 204}"#, true),
    (r#"{"fault": "storeThenStatus", "status": 500}"#, true),
    (r#"{"fault": "storeThenStatus", "status": 502}"#, true),
    (r#"{"fault": "storeThenStatus", "status": 503}"#, true),
    (r#"{"fault": "storeThenStatus", "status": 504}"#, true),
    (r#"{"fault": "errorTrue"}"#, false),
    (r#"{"fault": "garbage"}"#, true),
    (r#"{"fault": "garbage", "store": true}"#, true),
    (r#"{"fault": "empty"}"#, true),
    (r#"{"fault": "empty", "store": true}"#, true),
    (r#"{"fault": "truncated"}"#, true),
    (r#"{"fault": "truncated", "store": true}"#, true),
    (r#"{"fault": "endless"}"#, true),
    (r#"{"fault": "endless", "store": true}"#, true),
    (r#"{"fault": "rateLimited", "retryAfter": 1}"#, false),
    (r#"{"fault": "redirect"}"#, true),
    (r#"{"fault": "redirect", "store": true}"#, true),
    (r#"{"fault": "closeBeforeReading"}"#, true),
    (r#"{"fault": "closeAfterStoring"}"#, true),
    (r#"{"fault": "closeAfterStoring", "reset": true}"#, true),
];

/// Both policies, each after one occurrence of every fault.
pub fn every_api_fault() -> Row {
    let faults = FAULTS
        .iter()
        .flat_map(|(fault, unknown_outcome)| [(*fault, *unknown_outcome, false), (*fault, *unknown_outcome, true)]);
    let faults: Vec<_> = faults.collect();
    let label =
        |&(fault, _, again): &(&str, bool, bool)| format!("{fault}, {}", if again { "SendAgain" } else { "Hold" });
    run_row("faults of the API", &faults, label, |&(fault, unknown_outcome, again)| {
        let mut case = Case::new(&label(&(fault, unknown_outcome, again)));
        let mut once: Value = serde_json::from_str(fault).expect("the table has JSON");
        once["times"] = 1.into();
        case.world.simulator.borrow().fault(once);
        case.world.connect_with(json!({"requestTimeout": "2s", "allowSendAgain": again}));
        case.start(None);
        let policy = if again {
            json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": 2, "after": "15m"}})
        } else {
            json!({})
        };
        case.world.accounts_with("targets", &["a.example.com"], policy);
        case.wait_stable("the outcome is final");
        let result = case.finish();
        let expected = usize::from(unknown_outcome && !again);
        if result.unknowns != expected {
            case.fail(&format!("{} unknown outcomes, expected {expected}", result.unknowns));
        }
        let most = if again { 2 } else { 1 } + usize::from(fault.contains("rateLimited"));
        // At the end, a person may have sent it again.
        if result.requests > most + result.unknowns {
            case.fail(&format!("{} requests", result.requests));
        }
        result
    })
}

/// Faults of the API server: name, affected requests, how many of a thousand get a fault, and the possible faults.
type ApiServerFaults = (&'static str, &'static [Call], u32, &'static [Fault]);

const WRITES: &[Call] =
    &[Call::Claim, Call::Outcome, Call::Resolution, Call::Anchor, Call::Status, Call::Event, Call::Live, Call::Receipt];
const READS: &[Call] = &[Call::List, Call::Watch, Call::Secret];
const ALL: &[Call] = &[
    Call::List,
    Call::Watch,
    Call::Secret,
    Call::Lease,
    Call::Live,
    Call::Receipt,
    Call::Anchor,
    Call::Claim,
    Call::Outcome,
    Call::Resolution,
    Call::Status,
    Call::Event,
];

const API_SERVER_FAULTS: &[ApiServerFaults] = &[
    ("rejected with 409", WRITES, 400, &[Fault::Refused(409)]),
    ("rejected with 429", ALL, 300, &[Fault::Refused(429)]),
    ("rejected with 500", ALL, 300, &[Fault::Refused(500)]),
    ("applied, response is 500", WRITES, 400, &[Fault::Applied(500)]),
    ("applied, response is 504", WRITES, 400, &[Fault::Applied(504)]),
    ("rejected with 504", WRITES, 400, &[Fault::Refused(504)]),
    ("connection cut", ALL, 300, &[Fault::Cut]),
    ("applied, then connection cut", WRITES, 400, &[Fault::CutApplied]),
    ("410 for lists and watches", READS, 500, &[Fault::Refused(410)]),
    ("watches cut off", READS, 1000, &[Fault::CutAfter(Duration::from_millis(400))]),
    ("no response", WRITES, 60, &[Fault::Hang]),
    (
        "all of these",
        ALL,
        250,
        &[
            Fault::Refused(409),
            Fault::Refused(429),
            Fault::Refused(500),
            Fault::Applied(504),
            Fault::Cut,
            Fault::CutApplied,
        ],
    ),
];

/// Each kind of fault of the API server while a user applies, edits and deletes lists.
pub fn every_api_server_fault() -> Row {
    run_row(
        "faults of the API server",
        API_SERVER_FAULTS,
        |faults| faults.0.to_owned(),
        |&(name, calls, permille, faults)| {
            let mut case = Case::new(name);
            case.gateway.set_faults(Some(RandomFaults::new(seed(name), permille, calls, faults)));
            case.world.connect_with(json!({"requestTimeout": "2s"}));
            case.start(None);
            change_lists(&mut case, |_| {});
            let count = case.gateway.fault_count();
            case.gateway.set_faults(None);
            case.wait_stable("all lists are created after the faults");
            let result = case.finish();
            if count == 0 {
                case.fail("no fault was injected");
            }
            if result.unknowns > 0 {
                case.fail("an unknown outcome, but the API has answered every request");
            }
            result
        },
    )
}

/// Another client keeps changing every object, so that each write of the operator meets a newer version.
pub fn foreign_writer() -> Row {
    one("a foreign writer", |case| {
        case.world.connect_with(json!({"requestTimeout": "2s"}));
        case.start(None);
        let mut changes = 0_u32;
        change_lists(case, |world| {
            for kind in [Kind::Receipt, Kind::Accounts, Kind::Workspace] {
                for object in world.objects.list(kind) {
                    changes += 1;
                    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                    let patch = json!({"metadata": {"annotations": {"example.com/touched": changes.to_string()}}});
                    world.objects.patch(kind, &name, patch);
                }
            }
        });
        case.wait_stable("all lists are created after the foreign writes");
        let result = case.finish();
        if result.unknowns > 0 {
            case.fail("an unknown outcome, but the API has answered every request");
        }
        result
    })
}

/// Applies, edits and deletes lists for some seconds.
fn change_lists(case: &mut Case, mut after_each: impl FnMut(&World)) {
    let started = Instant::now();
    let mut round = 0;
    while started.elapsed() < Duration::from_secs(6) {
        round += 1;
        for audience in 0..4 {
            let list = format!("round-{}.audience-{audience}.example.com", round / 4);
            case.world.accounts(&format!("targets-{audience}"), &[&list]);
            after_each(&case.world);
        }
        if round % 8 == 0 {
            case.world.objects.delete(Kind::Accounts, "targets-0");
        }
        let until = Instant::now() + Duration::from_millis(300);
        case.wait_until("300 ms have passed", |_| ensure(Instant::now() > until, String::new));
    }
}

/// A workspace whose first create gets a 429 with a Retry-After of 900 s, which take 3 s.
fn connect_rate_limited(case: &Case) {
    let limited = json!({"fault": "rateLimited", "retryAfter": 900, "times": 1});
    case.world.simulator.borrow().fault(limited);
    case.world.connect_with(json!({"requestTimeout": "2s"}));
}

/// An audience waits to be sent. Meanwhile it is suspended, but the operator's caches are old.
pub fn stale_cache_and_suspended_audience() -> Row {
    one("a stale API server", |case| {
        let stale = StaleApiServer::start();
        connect_rate_limited(case);
        case.start_behind(case.gateway.proxy_with(Some(stale.client())));
        case.world.accounts("targets", &["a.example.com"]);
        case.world.simulator.borrow().wait_requests(1);
        stale.freeze(true);
        case.world.accounts_with("targets", &["a.example.com"], json!({"suspend": true}));
        // Long enough for its wait to end.
        sleep(Duration::from_secs(6));
        if case.world.simulator.borrow().requests().len() != 1 {
            case.fail("it was sent, but it is suspended");
        }
        stale.freeze(false);
        case.wait_stable("the caches are current again");
        case.world.accounts("targets", &["a.example.com"]);
        case.wait_stable("the audience is resumed");
        case.finish()
    })
}

/// A standby with old caches takes over, and its caches don't show that the list was created meanwhile.
pub fn stale_standby_takes_over() -> Row {
    one("a stale standby", |case| {
        let stale = StaleApiServer::start();
        connect_rate_limited(case);
        case.start(None);
        case.wait_until("the first process is the leader", |case| ensure(case.has_leader(), || "it isn't".to_owned()));
        case.world.accounts("targets", &["a.example.com"]);
        case.world.simulator.borrow().wait_requests(1);
        case.world.wait_receipt_state("NotSent");
        case.start_behind(case.gateway.proxy_with(Some(stale.client())));
        case.wait_until("the standby has filled its caches", |case| {
            let filled = case.last_log().contains("caches are filled");
            ensure(filled, || "not yet".to_owned())
        });
        stale.freeze(true);
        case.world.wait_receipt_state("Created");
        case.kill_first();
        case.wait_until("the standby is the leader", |case| ensure(case.has_leader(), || "it isn't".to_owned()));
        // By its caches, the list still waits to be sent, and its wait is over.
        sleep(Duration::from_secs(5));
        if case.world.simulator.borrow().requests().len() != 2 {
            case.fail("it was sent again");
        }
        stale.freeze(false);
        case.wait_stable("the caches are current again");
        case.finish()
    })
}

/// Kills at random moments over many audiences.
pub fn random_kills(kills: usize, audiences: usize) -> Row {
    one("random kills", |case| {
        let mut random = SmallRng::seed_from_u64(seed("the times of the kills"));

        case.world.connect_with(json!({"requestTimeout": "2s", "concurrentCreates": 5}));
        case.world.simulator.borrow().fault(json!({"fault": "delay", "delayMs": 30}));
        let names: Vec<_> = (0..audiences).map(|at| format!("targets-{at}")).collect();
        for name in &names {
            case.world.accounts(name, &[&format!("{name}.example.com")]);
        }
        for kill in 0..kills {
            case.start(None);
            // From right after the start to the middle of its work; half of the kills come as soon as it sends a
            // request.
            let time = random.random_range(100..1200);
            let before = case.world.simulator.borrow().requests().len();
            let at_request = random.random_bool(0.5);
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(time)
                && !(at_request && case.world.simulator.borrow().requests().len() > before)
            {
                sleep(Duration::from_millis(10));
            }
            case.kill_first();
            if (kill + 1) % 50 == 0 {
                let requests = case.world.simulator.borrow().requests().len();
                eprintln!("random kills: {} of {kills} kills, {requests} requests", kill + 1);
            }
        }
        case.start(None);
        case.wait_until("each list is created or unknown", |case| {
            let all = case.world.objects.list(Kind::Accounts);
            let final_reasons = ["Created", "AlreadyCreated", "OutcomeUnknown"];
            let open = all.iter().filter(|audience| !final_reasons.contains(&reason(audience))).count();
            ensure(open == 0, || format!("{open} of {} are neither", all.len()))
        });
        case.wait_stable("all lists are stable after the kills");
        let result = case.finish();
        if result.unknowns > 5 * kills {
            case.fail("more unknown outcomes than requests in flight at the kills");
        }
        result
    })
}

/// A row with one case.
fn one(name: &str, run: impl Fn(&mut Case) -> CaseResult + Sync) -> Row {
    run_row(name, &[()], |()| name.to_owned(), |()| run(&mut Case::new(name)))
}
