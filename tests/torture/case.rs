//! One case: a scenario, a request that is caught, and what happens to the process that sent it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::judge::{self, Verdict};
use super::scenario::Scenario;
use crate::support::call::{Call, Passed};
use crate::support::objects::{is_true, reason};
use crate::support::proxy::{Gateway, Point, Proxy, Trap};
use crate::support::wait::ensure;
use crate::support::{Kind, Operator, World};

/// What happens to the process whose request is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Nothing: the world goes on.
    Wait,
    /// SIGKILL, and a new process in its place.
    Kill,
    /// SIGKILL while a second replica stands by.
    Failover,
    /// SIGSTOP until a second replica leads and has looked at everything, then SIGCONT.
    Pause,
    /// SIGTERM while a second replica starts.
    Rollout,
    /// Nothing but its connection is cut.
    Cut,
}

impl Deed {
    pub const ALL: [Self; 6] = [Self::Wait, Self::Kill, Self::Failover, Self::Pause, Self::Rollout, Self::Cut];
}

/// What is tried in a case.
#[derive(Clone, Copy)]
pub struct Plan {
    pub scenario: Scenario,
    /// None where nothing is caught.
    pub trap: Option<Trap>,
    pub deed: Deed,
}

impl Plan {
    /// Whether nothing is done that should ever leave an outcome unknown: no kill, no sleep, no answer of the API lost.
    fn is_harmless(&self) -> bool {
        let lost = self.trap.is_some_and(|trap| trap.call == Call::Post && trap.point == Point::Unanswered);
        self.deed == Deed::Wait || self.deed == Deed::Rollout && !lost
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trap {
            Some(Trap { call, nth, point }) => {
                write!(f, "{:?}/{call}-{nth}/{point}/{:?}", self.scenario, self.deed)
            }
            None => write!(f, "{:?}/nothing", self.scenario),
        }
    }
}

/// How much faster than the true clock an operator's own runs: 15 minutes take 3 seconds.
const HURRY: u32 = 300;

/// A bound for anything that is waited for, on a machine that is much too busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// How much later than everything is settled a request may come that is caught, such as an event.
const LATE: Duration = Duration::from_secs(3);

/// An operator with its proxy.
struct Member {
    operator: Operator,
    proxy: Proxy,
}

/// What goes on with the process whose request is caught.
enum Phase {
    /// Nothing is caught yet, or ever.
    Before,
    /// It is dead; its request is let through when another leads.
    Dead {
        proxy: Proxy,
        since: Instant,
    },
    /// It is stopped until another leads and has had time.
    Stopped {
        member: Member,
        since: Instant,
        led: Option<Instant>,
    },
    /// It was told to end.
    Ending {
        member: Member,
    },
    /// It lives, and its request is let through a little later.
    Cut {
        since: Instant,
    },
    After,
}

/// A case that runs.
pub struct Case {
    pub world: World,
    pub gateway: Gateway,
    name: String,
    trap: Option<Trap>,
    deed: Deed,
    /// What the user does when a request is caught.
    midway: Option<Scenario>,
    /// Those that run; the one with the trap, while it is among them, is the first.
    members: Vec<Member>,
    phase: Phase,
    logs: Vec<PathBuf>,
}

impl Case {
    /// A case in which nothing is planned.
    pub fn new(name: &str) -> Self {
        let world = World::new();
        let gateway = Gateway::start(world.simulator.borrow().address());
        let name = name.to_owned();
        Self {
            name,
            world,
            gateway,
            trap: None,
            deed: Deed::Wait,
            midway: None,
            members: vec![],
            phase: Phase::Before,
            logs: vec![],
        }
    }

    /// Runs a case to its end and judges it.
    pub fn run(plan: &Plan) -> Verdict {
        let scenario = plan.scenario;
        let mut case =
            Self { trap: plan.trap, deed: plan.deed, midway: Some(scenario), ..Self::new(&plan.to_string()) };
        scenario.found(&case);
        if scenario.is_trapped_from_the_start() {
            if scenario == Scenario::Restart {
                case.start(None);
                scenario.prelude(&case);
                case.stop_all();
            }
            case.gateway.journal.add(Passed::Armed);
            case.start(plan.trap);
        } else {
            case.start(None);
            scenario.prelude(&case);
            case.gateway.journal.add(Passed::Armed);
            if let Some(trap) = plan.trap {
                case.members[0].proxy.arm(trap);
            }
        }
        if matches!(plan.deed, Deed::Failover | Deed::Pause) {
            // Not before, or it might lead instead of the one with the trap.
            case.until("the process with the trap leads", |case| {
                let ready = case.someone_leads() || !matches!(case.phase, Phase::Before);
                ensure(ready, || "it doesn't".to_owned())
            });
            case.start(None);
        }
        scenario.act(&case);
        case.until_settled("what the user wants is settled");
        let since = Instant::now();
        while matches!(case.phase, Phase::Before) && plan.trap.is_some() && since.elapsed() < LATE {
            case.tick();
            sleep(Duration::from_millis(40));
        }
        let caught = plan.trap.is_none() || !matches!(case.phase, Phase::Before);
        case.until_settled("what the user wants is settled again");
        let calls = case.gateway.journal.calls();
        scenario.afterwards(&case);
        case.until_settled("what the user wants afterwards is settled");
        let verdict = case.finish();
        scenario.ends(&case).unwrap_or_else(|why| case.fail(&why));
        if plan.is_harmless() && verdict.unknowns > scenario.unknowns() {
            case.fail(&format!("{} unknown outcomes without a cause", verdict.unknowns));
        }
        Verdict { caught, calls, ..verdict }
    }

    /// Looks at what came of it all: a process that knows nothing but the cluster must find nothing left to do, each unknown
    /// outcome must be seen, and once a person has settled those, receipts and the simulator's log must agree.
    #[track_caller]
    pub fn finish(&mut self) -> Verdict {
        self.stop_all();
        self.world.simulator.borrow().mend();
        self.start(None);
        self.world.accounts("sentinel", &["sentinel.example.com"]);
        self.until_settled("a fresh process finds all settled");
        let unknowns = judge::visible_unknowns(&self.world).unwrap_or_else(|why| self.fail(&why));
        self.settle_as_it_is();
        judge::judge(&self.world, &self.gateway.journal).unwrap_or_else(|why| self.fail(&why));
        self.stop_all();
        for log in &self.logs {
            let _ = fs::remove_file(log);
        }
        Verdict { caught: true, requests: self.requests(), unknowns, calls: BTreeMap::new() }
    }

    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{}: {why}", self.name)
    }

    /// Starts an operator, with the trap for its requests.
    pub fn start(&mut self, trap: Option<Trap>) {
        let proxy = self.gateway.proxy();
        if let Some(trap) = trap {
            proxy.arm(trap);
        }
        self.start_behind(proxy);
    }

    /// Starts an operator behind this proxy.
    pub fn start_behind(&mut self, proxy: Proxy) {
        let launch = self.world.operator().through(&proxy).fast(HURRY);
        let launch = launch.flag("lease-duration", "3s").flag("renew-deadline", "2s").flag("retry-period", "400ms");
        let operator = launch.spawn();
        self.logs.push(operator.log.clone());
        self.members.push(Member { operator, proxy });
    }

    /// Kills the one that was started first.
    pub fn kill_first(&mut self) {
        self.members.remove(0).operator.kill();
    }

    /// What the one that was started last has logged.
    pub fn last_log(&self) -> String {
        self.members.last().map(|member| member.operator.log()).unwrap_or_default()
    }

    /// Ends all that run, the way a rollout does.
    fn stop_all(&mut self) {
        for Member { operator, .. } in &mut self.members {
            operator.signal("TERM");
        }
        for Member { operator, .. } in &mut self.members {
            operator.wait_ended();
        }
        self.members.clear();
    }

    /// Looks until there is a result, while what was planned goes on.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            self.tick();
            match look(self) {
                Ok(result) => return result,
                Err(why) if started.elapsed() > PATIENCE => {
                    self.fail(&format!("waited {} s for this: {what}, but at the end: {why}", PATIENCE.as_secs()))
                }
                Err(_) => sleep(Duration::from_millis(40)),
            }
        }
    }

    #[track_caller]
    pub fn until_settled(&mut self, what: &str) {
        self.until(what, |case| {
            ensure(matches!(case.phase, Phase::Before | Phase::After), || "the deed isn't done".to_owned())?;
            settled(&case.world)
        });
    }

    /// What a person does in the end: looks into the workspace and says what is there.
    fn settle_as_it_is(&mut self) {
        let stored = judge::stored(&self.world);
        for receipt in self.world.receipts() {
            if receipt["record"]["state"] != "Unknown" {
                continue;
            }
            for attempt in judge::open_unknowns(&receipt["record"]) {
                let payload = attempt["payloadHash"].as_str().unwrap_or_default();
                let decision = match () {
                    () if stored.contains_key(payload) => "created",
                    () if judge::wanted(&self.world, &receipt) => "send-again",
                    () => "dismiss",
                };
                self.resolve(&receipt, attempt, decision);
            }
        }
        self.until("all is as a person said", |case| {
            settled(&case.world)?;
            let receipts = case.world.receipts();
            let open = receipts.iter().find(|receipt| receipt["record"]["state"] == "Unknown");
            ensure(open.is_none(), || format!("{open:?}"))?;
            let audiences = case.world.objects.list(Kind::Accounts);
            let open = audiences.iter().find(|audience| reason(audience) == "OutcomeUnknown");
            ensure(open.is_none(), || format!("{open:?}"))
        });
    }

    /// A person's word on an attempt.
    pub fn resolve(&self, receipt: &Value, attempt: &Value, decision: &str) {
        let name = receipt["metadata"]["name"].as_str().expect("a name");
        let id = attempt["id"].as_str().expect("an ID");
        let annotation = json!({"abm.propensity.com/resolve": format!("{id}={decision}")});
        self.world.objects.patch(Kind::Receipt, name, json!({"metadata": {"annotations": annotation}}));
    }

    /// How many requests came, without the sentinel's.
    pub fn requests(&self) -> usize {
        self.world.simulator.borrow().requests().len() - 1
    }

    /// Whether one that runs leads.
    pub fn someone_leads(&self) -> bool {
        self.members.iter().any(|member| member.operator.seems_leading())
    }

    /// Lets the deed go on, and replaces a process that ended by itself, as a kubelet does.
    fn tick(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::After) {
            Phase::Before if self.trap.is_some() && self.members[0].proxy.has_caught() => self.strike(),
            Phase::Dead { proxy, since } => self.after_death(proxy, since),
            Phase::Stopped { member, since, led } => self.while_stopped(member, since, led),
            Phase::Ending { mut member } => {
                if member.operator.has_ended() {
                    Phase::After
                } else {
                    Phase::Ending { member }
                }
            }
            Phase::Cut { since } if since.elapsed() > Duration::from_millis(300) => {
                self.members[0].proxy.apply();
                Phase::After
            }
            phase => phase,
        };
        let armed = matches!(self.phase, Phase::Before) && self.trap.is_some();
        for at in (0..self.members.len()).rev() {
            if self.members[at].operator.has_ended() {
                assert!(
                    !(armed && at == 0),
                    "the process with the trap ended: {}",
                    self.members[at].operator.wait_ended()
                );
                self.members.remove(at);
            }
        }
        if self.members.is_empty() && !matches!(self.phase, Phase::Stopped { .. }) {
            self.start(None);
        }
    }

    /// The request is caught: the user goes on, and the deed is done.
    fn strike(&mut self) -> Phase {
        if let Some(scenario) = self.midway {
            scenario.midway(self);
        }
        let point = self.trap.expect("it has caught").point;
        let lost = point == Point::Unanswered;
        let now = Instant::now();
        match self.deed {
            Deed::Wait => {
                self.members[0].proxy.go_on(false);
                Phase::After
            }
            Deed::Cut => {
                self.members[0].proxy.cut();
                if point == Point::Unapplied { Phase::Cut { since: now } } else { Phase::After }
            }
            Deed::Kill | Deed::Failover => {
                let Member { mut operator, proxy } = self.members.remove(0);
                operator.kill();
                Phase::Dead { proxy, since: now }
            }
            Deed::Pause => {
                let mut member = self.members.remove(0);
                member.operator.signal("STOP");
                member.operator.wait_stopped(true);
                Phase::Stopped { member, since: now, led: None }
            }
            Deed::Rollout => {
                let mut member = self.members.remove(0);
                member.operator.signal("TERM");
                self.start(None);
                member.proxy.go_on(lost);
                Phase::Ending { member }
            }
        }
    }

    /// A late request comes when another leads: the worst moment for it.
    fn after_death(&self, proxy: Proxy, since: Instant) -> Phase {
        let late = self.trap.expect("it has caught").point == Point::Unapplied;
        if late && !self.someone_leads() && since.elapsed() < Duration::from_secs(15) {
            return Phase::Dead { proxy, since };
        }
        if late {
            proxy.apply();
            // Dropped, it would lose what hasn't even left.
            sleep(Duration::from_millis(50));
        }
        Phase::After
    }

    fn while_stopped(&mut self, mut member: Member, since: Instant, led: Option<Instant>) -> Phase {
        let point = self.trap.expect("it has caught").point;
        let led = led.or_else(|| {
            let leads = self.someone_leads() || since.elapsed() > Duration::from_secs(15);
            leads.then(|| {
                if point == Point::Unapplied {
                    member.proxy.apply();
                }
                Instant::now()
            })
        });
        let looked = led.is_some_and(|led| led.elapsed() > Duration::from_millis(1500));
        if !looked {
            return Phase::Stopped { member, since, led };
        }
        member.operator.signal("CONT");
        member.operator.wait_stopped(false);
        member.proxy.go_on(point == Point::Unanswered);
        // It ends if it led before, and stands by if it didn't.
        self.members.push(member);
        Phase::After
    }
}

/// What `Ready` says of an audience that stays as it is until someone does something.
const ENDS: [&str; 6] = ["Created", "AlreadyCreated", "OutcomeUnknown", "Rejected", "Dismissed", "Suspended"];

/// Whether everything is as it will stay.
fn settled(world: &World) -> Result<(), String> {
    for audience in world.objects.list(Kind::Accounts) {
        let current = audience["status"]["observedGeneration"] == audience["metadata"]["generation"];
        let quiet = current && ENDS.contains(&reason(&audience)) && !is_true(&audience, "Reconciling");
        ensure(quiet, || format!("{}: {}", audience["metadata"]["name"], audience["status"]))?;
    }
    for receipt in world.receipts() {
        let said = &receipt["metadata"]["annotations"]["abm.propensity.com/resolve"];
        let state = &receipt["record"]["state"];
        ensure(said.is_null() && state != "Authorised", || format!("{state}, and a person said {said}"))?;
        let attempts = receipt["record"]["attempts"].as_array();
        let open = attempts.into_iter().flatten().find(|attempt| attempt["outcome"].is_null());
        ensure(open.is_none(), || format!("without an outcome: {open:?}"))?;
    }
    Ok(())
}
