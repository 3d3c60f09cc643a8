//! One case: a scenario, a request that is caught, and what happens to the process that sent it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::action::{Action, Phase};
use super::checks::{self, CaseResult};
use super::scenario::Scenario;
use crate::support::call::{Call, Step};
use crate::support::intercept::{Point, Trap};
use crate::support::objects::{is_true, reason};
use crate::support::proxy::{Gateway, Proxy};
use crate::support::wait::ensure;
use crate::support::{Kind, Operator, World};

/// The settings of a case.
#[derive(Clone, Copy)]
pub struct Plan {
    pub scenario: Scenario,
    /// None if no request is caught.
    pub trap: Option<Trap>,
    pub action: Action,
}

impl Plan {
    /// Whether the case never causes an unknown outcome: no kill, no stopped process, no lost response of the API.
    fn is_harmless(&self) -> bool {
        let lost = self.trap.is_some_and(|trap| trap.call == Call::Post && trap.point == Point::Unanswered);
        self.action == Action::Wait || self.action == Action::Rollout && !lost
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trap {
            Some(Trap { call, nth, point }) => {
                write!(f, "{:?}/{call}-{nth}/{point}/{:?}", self.scenario, self.action)
            }
            None => write!(f, "{:?}/nothing", self.scenario),
        }
    }
}

/// How much faster than real time an operator's clock runs: 15 minutes take 3 seconds.
const SPEEDUP: u32 = 300;

/// The limit for all waits, long enough for a very busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// How long to wait for the request that the trap catches after everything else is stable. An event, for example, comes
/// late.
const LATE_REQUEST: Duration = Duration::from_secs(3);

/// An operator with its proxy.
pub struct Replica {
    pub operator: Operator,
    pub proxy: Proxy,
}

/// A running case.
pub struct Case {
    pub world: World,
    pub gateway: Gateway,
    name: String,
    pub(super) trap: Option<Trap>,
    pub(super) action: Action,
    /// What the user does, if the case has a scenario.
    pub(super) scenario: Option<Scenario>,
    /// The running processes. The one with the trap, while it is among them, is the first.
    pub(super) replicas: Vec<Replica>,
    pub(super) phase: Phase,
    logs: Vec<PathBuf>,
}

impl Case {
    /// A case without a scenario and without a trap.
    pub fn new(name: &str) -> Self {
        let world = World::new();
        let gateway = Gateway::start(world.simulator.borrow().address());
        let name = name.to_owned();
        Self {
            name,
            world,
            gateway,
            trap: None,
            action: Action::Wait,
            scenario: None,
            replicas: vec![],
            phase: Phase::NotCaught,
            logs: vec![],
        }
    }

    /// Runs a case to its end and checks it.
    pub fn run(plan: &Plan) -> CaseResult {
        let scenario = plan.scenario;
        let mut case =
            Self { trap: plan.trap, action: plan.action, scenario: Some(scenario), ..Self::new(&plan.to_string()) };
        scenario.set_up(&case);
        if scenario.is_trapped_from_the_start() {
            if scenario == Scenario::Restart {
                case.start(None);
                scenario.before_trap(&case);
                case.stop_all();
            }
            case.gateway.journal.add(Step::Armed);
            case.start(plan.trap);
        } else {
            case.start(None);
            scenario.before_trap(&case);
            case.gateway.journal.add(Step::Armed);
            if let Some(trap) = plan.trap {
                case.replicas[0].proxy.arm(trap);
            }
        }
        if matches!(plan.action, Action::Failover | Action::Pause) {
            // Not earlier: otherwise the second replica could become the leader instead of the one with the trap.
            case.wait_until("the process with the trap is the leader", |case| {
                let ready = case.has_leader() || !matches!(case.phase, Phase::NotCaught);
                ensure(ready, || "it isn't".to_owned())
            });
            case.start(None);
        }
        scenario.act(&case);
        case.wait_stable("the user's change is complete");
        let since = Instant::now();
        while matches!(case.phase, Phase::NotCaught) && plan.trap.is_some() && since.elapsed() < LATE_REQUEST {
            case.tick();
            sleep(Duration::from_millis(40));
        }
        let caught = plan.trap.is_none() || !matches!(case.phase, Phase::NotCaught);
        case.wait_stable("the user's change is complete after the action");
        let calls = case.gateway.journal.calls();
        scenario.afterwards(&case);
        case.wait_stable("the user's last change is complete");
        let result = case.finish();
        scenario.check(&case).unwrap_or_else(|why| case.fail(&why));
        if plan.is_harmless() && result.unknowns > scenario.unknowns() {
            case.fail(&format!("{} unknown outcomes without a cause", result.unknowns));
        }
        CaseResult { caught, calls, ..result }
    }

    /// Checks the result: a fresh process must find nothing left to do, each unknown outcome must be reported, and
    /// after a person has resolved those, the receipts must agree with the simulator's log.
    #[track_caller]
    pub fn finish(&mut self) -> CaseResult {
        self.stop_all();
        self.world.simulator.borrow().clear_faults();
        self.start(None);
        self.world.accounts("sentinel", &["sentinel.example.com"]);
        self.wait_stable("a fresh process finds nothing left to do");
        let unknowns = checks::reported_unknowns(&self.world).unwrap_or_else(|why| self.fail(&why));
        self.resolve_unknowns();
        checks::requests_match_receipts(&self.world, &self.gateway.journal).unwrap_or_else(|why| self.fail(&why));
        self.stop_all();
        for log in &self.logs {
            let _ = fs::remove_file(log);
        }
        CaseResult { caught: true, requests: self.requests(), unknowns, calls: BTreeMap::new() }
    }

    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{}: {why}", self.name)
    }

    /// Starts an operator, with this trap for its requests.
    pub fn start(&mut self, trap: Option<Trap>) {
        let proxy = self.gateway.proxy();
        if let Some(trap) = trap {
            proxy.arm(trap);
        }
        self.start_behind(proxy);
    }

    /// Starts an operator behind this proxy.
    pub fn start_behind(&mut self, proxy: Proxy) {
        let launch = self.world.operator().through(&proxy).fast(SPEEDUP);
        let launch = launch.flag("lease-duration", "3s").flag("renew-deadline", "2s").flag("retry-period", "400ms");
        let operator = launch.spawn();
        self.logs.push(operator.log.clone());
        self.replicas.push(Replica { operator, proxy });
    }

    /// Kills the process that was started first.
    pub fn kill_first(&mut self) {
        self.replicas.remove(0).operator.kill();
    }

    /// The log of the process that was started last.
    pub fn last_log(&self) -> String {
        self.replicas.last().map(|replica| replica.operator.log()).unwrap_or_default()
    }

    /// Ends all processes with SIGTERM, like a rollout.
    fn stop_all(&mut self) {
        for Replica { operator, .. } in &mut self.replicas {
            operator.signal("TERM");
        }
        for Replica { operator, .. } in &mut self.replicas {
            operator.wait_ended();
        }
        self.replicas.clear();
    }

    /// Repeats a check until it returns a result, while the action goes on.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, mut check: impl FnMut(&Self) -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            self.tick();
            match check(self) {
                Ok(result) => return result,
                Err(why) if started.elapsed() > TIMEOUT => {
                    let seconds = TIMEOUT.as_secs();
                    self.fail(&format!("timeout after {seconds} s, waiting for: {what}; last result: {why}"))
                }
                Err(_) => sleep(Duration::from_millis(40)),
            }
        }
    }

    /// Waits until the action is done and nothing changes any more without a user.
    #[track_caller]
    pub fn wait_stable(&mut self, what: &str) {
        self.wait_until(what, |case| {
            let done = matches!(case.phase, Phase::NotCaught | Phase::Done);
            ensure(done, || "the action isn't done".to_owned())?;
            stable(&case.world)
        });
    }

    /// Resolves all unknown outcomes like a person who has checked the workspace.
    fn resolve_unknowns(&mut self) {
        let stored = checks::stored(&self.world);
        for receipt in self.world.receipts() {
            if receipt["record"]["state"] != "Unknown" {
                continue;
            }
            for attempt in checks::open_unknowns(&receipt["record"]) {
                let payload = attempt["payloadHash"].as_str().unwrap_or_default();
                let decision = match () {
                    () if stored.contains_key(payload) => "created",
                    () if checks::is_needed(&self.world, &receipt) => "send-again",
                    () => "dismiss",
                };
                self.resolve(&receipt, attempt, decision);
            }
        }
        self.wait_until("all resolutions are recorded", |case| {
            stable(&case.world)?;
            let receipts = case.world.receipts();
            let open = receipts.iter().find(|receipt| receipt["record"]["state"] == "Unknown");
            ensure(open.is_none(), || format!("{open:?}"))?;
            let audiences = case.world.objects.list(Kind::Accounts);
            let open = audiences.iter().find(|audience| reason(audience) == "OutcomeUnknown");
            ensure(open.is_none(), || format!("{open:?}"))
        });
    }

    /// Sets a person's resolution of an attempt.
    pub fn resolve(&self, receipt: &Value, attempt: &Value, decision: &str) {
        let name = receipt["metadata"]["name"].as_str().expect("a name");
        let id = attempt["id"].as_str().expect("an ID");
        let annotation = json!({"abm.propensity.com/resolve": format!("{id}={decision}")});
        self.world.objects.patch(Kind::Receipt, name, json!({"metadata": {"annotations": annotation}}));
    }

    /// How many requests were received, without the sentinel's.
    pub fn requests(&self) -> usize {
        self.world.simulator.borrow().requests().len() - 1
    }

    /// Whether one of the running processes is the leader.
    pub fn has_leader(&self) -> bool {
        self.replicas.iter().any(|replica| replica.operator.seems_leading())
    }
}

/// Reasons of `Ready` that don't change until someone acts.
const STABLE_REASONS: [&str; 6] = ["Created", "AlreadyCreated", "OutcomeUnknown", "Rejected", "Dismissed", "Suspended"];

/// Whether nothing changes any more without a user.
fn stable(world: &World) -> Result<(), String> {
    for audience in world.objects.list(Kind::Accounts) {
        let current = audience["status"]["observedGeneration"] == audience["metadata"]["generation"];
        let stable = current && STABLE_REASONS.contains(&reason(&audience)) && !is_true(&audience, "Reconciling");
        ensure(stable, || format!("{}: {}", audience["metadata"]["name"], audience["status"]))?;
    }
    for receipt in world.receipts() {
        let resolution = &receipt["metadata"]["annotations"]["abm.propensity.com/resolve"];
        let state = &receipt["record"]["state"];
        ensure(resolution.is_null() && state != "Authorised", || format!("{state}, with the resolution {resolution}"))?;
        let attempts = receipt["record"]["attempts"].as_array();
        let open = attempts.into_iter().flatten().find(|attempt| attempt["outcome"].is_null());
        ensure(open.is_none(), || format!("without an outcome: {open:?}"))?;
    }
    Ok(())
}
