//! Troubles on either side of the operator: every fault of the simulator under both policies, an API server that refuses, loses and
//! delays, a foreign writer, an API server that tells what is old, and a storm of restarts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::case::Case;
use super::judge::Verdict;
use super::report::{Row, row, seed};
use crate::support::call::Call;
use crate::support::objects::reason;
use crate::support::stale::Stale;
use crate::support::wait::ensure;
use crate::support::weather::{Trouble, Weather};
use crate::support::{Kind, World};

/// A fault and whether it leaves open what happened. Left out is what breaks the premises: an API that stores and then says that it
/// didn't, by 401, 403, 429 or an error in a 200.
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

/// Both policies, after each fault once.
pub fn every_fault() -> Row {
    let faults = FAULTS.iter().flat_map(|(fault, unclear)| [(*fault, *unclear, false), (*fault, *unclear, true)]);
    let faults: Vec<_> = faults.collect();
    let label =
        |&(fault, _, again): &(&str, bool, bool)| format!("{fault}, {}", if again { "SendAgain" } else { "Hold" });
    row("faults of the API", &faults, label, |&(fault, unclear, again)| {
        let mut case = Case::new(&label(&(fault, unclear, again)));
        let mut order: Value = serde_json::from_str(fault).expect("it stands above");
        order["times"] = 1.into();
        case.world.simulator.borrow().fault(order);
        case.world.connect_with(json!({"requestTimeout": "2s", "allowSendAgain": again}));
        case.start(None);
        let policy = if again {
            json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": 2, "after": "15m"}})
        } else {
            json!({})
        };
        case.world.accounts_with("targets", &["a.example.com"], policy);
        case.until_settled("the fault is over");
        let verdict = case.finish();
        let unknown = usize::from(unclear && !again);
        if verdict.unknowns != unknown {
            case.fail(&format!("{} unknown outcomes, not {unknown}", verdict.unknowns));
        }
        let most = if again { 2 } else { 1 } + usize::from(fault.contains("rateLimited"));
        // A person may have sent it once more in the end.
        if verdict.requests > most + verdict.unknowns {
            case.fail(&format!("{} requests", verdict.requests));
        }
        verdict
    })
}

/// What the API server does to requests: the name, which requests, how many of a thousand, and what.
type Storm = (&'static str, &'static [Call], u32, &'static [Trouble]);

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

const STORMS: &[Storm] = &[
    ("refused with 409", WRITES, 400, &[Trouble::Refused(409)]),
    ("refused with 429", ALL, 300, &[Trouble::Refused(429)]),
    ("refused with 500", ALL, 300, &[Trouble::Refused(500)]),
    ("done, answered with 500", WRITES, 400, &[Trouble::Applied(500)]),
    ("done, answered with 504", WRITES, 400, &[Trouble::Applied(504)]),
    ("refused with 504", WRITES, 400, &[Trouble::Refused(504)]),
    ("cut", ALL, 300, &[Trouble::Cut]),
    ("done, then cut", WRITES, 400, &[Trouble::CutApplied]),
    ("410 for lists and watches", READS, 500, &[Trouble::Refused(410)]),
    ("watches dropped", READS, 1000, &[Trouble::Short(Duration::from_millis(400))]),
    ("no answer", WRITES, 60, &[Trouble::Hang]),
    (
        "everything",
        ALL,
        250,
        &[
            Trouble::Refused(409),
            Trouble::Refused(429),
            Trouble::Refused(500),
            Trouble::Applied(504),
            Trouble::Cut,
            Trouble::CutApplied,
        ],
    ),
];

/// Each kind of trouble with the API server while lists are applied, edited and deleted.
pub fn every_storm() -> Row {
    row(
        "faults of the API server",
        STORMS,
        |storm| storm.0.to_owned(),
        |&(name, calls, permille, troubles)| {
            let mut case = Case::new(name);
            case.gateway.weather(Some(Weather::new(seed(name), permille, calls, troubles)));
            case.world.connect_with(json!({"requestTimeout": "2s"}));
            case.start(None);
            live_with(&mut case, |_| {});
            let befallen = case.gateway.troubles();
            case.gateway.weather(None);
            case.until_settled("the storm is over");
            let verdict = case.finish();
            if befallen == 0 {
                case.fail("nothing was befallen");
            }
            if verdict.unknowns > 0 {
                case.fail("an unknown outcome, although the API answered all");
            }
            verdict
        },
    )
}

/// A foreign writer touches every object again and again, so that each write of the operator meets a newer version.
pub fn foreign_writer() -> Row {
    one("a foreign writer", |case| {
        case.world.connect_with(json!({"requestTimeout": "2s"}));
        case.start(None);
        let mut touched = 0_u32;
        live_with(case, |world| {
            for kind in [Kind::Receipt, Kind::Accounts, Kind::Workspace] {
                for object in world.objects.list(kind) {
                    touched += 1;
                    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                    let patch = json!({"metadata": {"annotations": {"example.com/touched": touched.to_string()}}});
                    world.objects.patch(kind, &name, patch);
                }
            }
        });
        case.until_settled("the writer has gone");
        let verdict = case.finish();
        if verdict.unknowns > 0 {
            case.fail("an unknown outcome, although the API answered all");
        }
        verdict
    })
}

/// What users do for some seconds.
fn live_with(case: &mut Case, mut also: impl FnMut(&World)) {
    let started = Instant::now();
    let mut round = 0;
    while started.elapsed() < Duration::from_secs(6) {
        round += 1;
        for audience in 0..4 {
            let list = format!("round-{}.audience-{audience}.example.com", round / 4);
            case.world.accounts(&format!("targets-{audience}"), &[&list]);
            also(&case.world);
        }
        if round % 8 == 0 {
            case.world.objects.delete(Kind::Accounts, "targets-0");
        }
        let until = Instant::now() + Duration::from_millis(300);
        case.until("a moment has passed", |_| ensure(Instant::now() > until, String::new));
    }
}

/// A workspace whose first request is told to come again after 900 s, which take 3.
fn told_to_wait(case: &Case) {
    let wait = json!({"fault": "rateLimited", "retryAfter": 900, "times": 1});
    case.world.simulator.borrow().fault(wait);
    case.world.connect_with(json!({"requestTimeout": "2s"}));
}

/// An audience waits for its turn; meanwhile it is suspended, and the operator's caches don't know.
pub fn a_stale_cache_and_a_suspended_audience() -> Row {
    one("a stale API server", |case| {
        let stale = Stale::start();
        told_to_wait(case);
        case.start_behind(case.gateway.proxy_with(Some(stale.client())));
        case.world.accounts("targets", &["a.example.com"]);
        case.world.simulator.borrow().wait_requests(1);
        stale.freeze(true);
        case.world.accounts_with("targets", &["a.example.com"], json!({"suspend": true}));
        // Its wait is over by then.
        sleep(Duration::from_secs(6));
        if case.world.simulator.borrow().requests().len() != 1 {
            case.fail("it was sent although it is suspended");
        }
        stale.freeze(false);
        case.until_settled("the caches are fresh again");
        case.world.accounts("targets", &["a.example.com"]);
        case.until_settled("it is resumed");
        case.finish()
    })
}

/// A standby whose caches are old takes over, and doesn't know that the list was created meanwhile.
pub fn a_stale_standby_takes_over() -> Row {
    one("a stale standby", |case| {
        let stale = Stale::start();
        told_to_wait(case);
        case.start(None);
        case.until("the first leads", |case| ensure(case.someone_leads(), || "it doesn't".to_owned()));
        case.world.accounts("targets", &["a.example.com"]);
        case.world.simulator.borrow().wait_requests(1);
        case.world.receipt_is("NotSent");
        case.start_behind(case.gateway.proxy_with(Some(stale.client())));
        case.until("the standby has filled its caches", |case| {
            let filled = case.last_log().contains("caches are filled");
            ensure(filled, || "not yet".to_owned())
        });
        stale.freeze(true);
        case.world.receipt_is("Created");
        case.kill_first();
        case.until("the standby leads", |case| ensure(case.someone_leads(), || "it doesn't".to_owned()));
        // It believes that the list waits, and its wait is over.
        sleep(Duration::from_secs(5));
        if case.world.simulator.borrow().requests().len() != 2 {
            case.fail("it was sent once more");
        }
        stale.freeze(false);
        case.until_settled("the caches are fresh again");
        case.finish()
    })
}

/// Kills at random moments over many audiences.
pub fn restart_storm(kills: usize, audiences: usize) -> Row {
    one("a storm of restarts", |case| {
        let mut random = SmallRng::seed_from_u64(seed("the kills"));

        case.world.connect_with(json!({"requestTimeout": "2s", "concurrentCreates": 5}));
        case.world.simulator.borrow().fault(json!({"fault": "delay", "delayMs": 30}));
        let names: Vec<_> = (0..audiences).map(|at| format!("targets-{at}")).collect();
        for name in &names {
            case.world.accounts(name, &[&format!("{name}.example.com")]);
        }
        for kill in 0..kills {
            case.start(None);
            // From its first breath to deep in its work, with a share of kills while it sends.
            let time = random.random_range(100..1200);
            let came = case.world.simulator.borrow().requests().len();
            let sends = random.random_bool(0.5);
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(time)
                && !(sends && case.world.simulator.borrow().requests().len() > came)
            {
                sleep(Duration::from_millis(10));
            }
            case.kill_first();
            if (kill + 1) % 50 == 0 {
                let came = case.world.simulator.borrow().requests().len();
                eprintln!("a storm of restarts: {} of {kills} kills, {came} requests", kill + 1);
            }
        }
        case.start(None);
        case.until("each list is created or unknown", |case| {
            let all = case.world.objects.list(Kind::Accounts);
            let ends = ["Created", "AlreadyCreated", "OutcomeUnknown"];
            let open = all.iter().filter(|audience| !ends.contains(&reason(audience))).count();
            ensure(open == 0, || format!("{open} of {} are open", all.len()))
        });
        case.until_settled("the storm is over");
        let verdict = case.finish();
        if verdict.unknowns > 5 * kills {
            case.fail("more unknown outcomes than were in flight at the kills");
        }
        verdict
    })
}

/// A case of its own.
fn one(name: &str, run: impl Fn(&mut Case) -> Verdict + Sync) -> Row {
    row(name, &[()], |()| name.to_owned(), |()| run(&mut Case::new(name)))
}
