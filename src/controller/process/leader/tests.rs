//! Electors against an API server that keeps one Lease with real conflict rules, and fails on request.
//!
//! The clock runs four times faster, so the usual 15, 10 and 2 seconds become 3.75, 2.5 and 0.5: short, and long enough
//! on a busy machine.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;

/// The one Lease, as an API server keeps it. Clones share it.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<(Option<Value>, u64)>>);

impl Store {
    fn spec(&self) -> Value {
        let guard = self.0.lock().unwrap();
        guard.0.as_ref().map_or(Value::Null, |lease| lease["spec"].clone())
    }

    fn put(&self, spec: Option<Value>) {
        let mut guard = self.0.lock().unwrap();
        guard.1 += 1;
        let version = guard.1.to_string();
        guard.0 = spec.map(|spec| json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "operator", "resourceVersion": version}, "spec": spec}));
    }

    fn answer(&self, method: &Method, body: &Bytes) -> Response {
        let old = self.0.lock().unwrap().0.clone();
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method.as_str(), old) {
            ("GET", None) => failure(404),
            ("GET", Some(lease)) => lease.to_string().into_response(),
            ("POST", Some(_)) => failure(409),
            ("PUT", None) => failure(404),
            ("PUT", Some(old)) if old["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"] => {
                failure(409)
            }
            _ => {
                self.put(Some(sent["spec"].clone()));
                self.answer(&Method::GET, body)
            }
        }
    }
}

fn failure(code: u16) -> Response {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        _ => "AsTold",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "as told", "reason": reason, "code": code});
    (StatusCode::from_u16(code).unwrap(), status.to_string()).into_response()
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Nothing answers.
    Hang,
    /// Every answer is this error.
    Status(u16),
    /// Everything is done, and writes aren't answered.
    WritesUnanswered,
}

/// One replica.
struct Replica {
    fault: Arc<Mutex<Fault>>,
    leadership: watch::Receiver<Leadership>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(identity: &str, store: &Store, fault: Fault) -> Self {
        let fault = Arc::new(Mutex::new(fault));
        let (store, told) = (store.clone(), Arc::clone(&fault));
        let server = Router::new().fallback(move |method: Method, body: Bytes| async move {
            let fault = *told.lock().unwrap();
            if fault == Fault::Hang {
                std::future::pending::<()>().await;
            }
            if let Fault::Status(code) = fault {
                return failure(code);
            }
            let answer = store.answer(&method, &body);
            if fault == Fault::WritesUnanswered && method != Method::GET {
                std::future::pending::<()>().await;
            }
            answer
        });
        let settings = LeaseSettings {
            namespace: "system".to_owned(),
            name: "operator".to_owned(),
            identity: identity.to_owned(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        };
        let elector = Elector::new(kube::Client::new(server, "system"), settings, Clock::scaled(4));
        let stop = CancellationToken::new();
        Self { fault, leadership: elector.leadership(), task: tokio::spawn(elector.run(stop.clone())), stop }
    }

    fn fault(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn now(&self) -> Leadership {
        *self.leadership.borrow()
    }

    async fn becomes(&mut self, wanted: fn(&Leadership) -> bool) -> Leadership {
        let seen = tokio::time::timeout(Duration::from_secs(30), self.leadership.wait_for(wanted));
        *seen.await.expect("it happens in time").expect("the elector runs")
    }

    async fn leads(&mut self) {
        self.becomes(|l| matches!(l, Leadership::Leading { .. })).await;
    }

    async fn loses(&mut self) {
        self.becomes(|l| *l == Leadership::Lost).await;
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task).await.unwrap().unwrap();
    }
}

/// Waits until the Lease is as wanted.
async fn until(store: &Store, wanted: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let spec = store.spec();
            if wanted(&spec) {
                return spec;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("it happens in time")
}

#[tokio::test]
async fn one_leads_and_gives_the_lease_back_to_the_next() {
    let store = Store::default();
    let mut first = Replica::start("first", &store, Fault::None);
    first.leads().await;
    let mut second = Replica::start("second", &store, Fault::None);
    let spec = store.spec();
    assert_eq!(spec["holderIdentity"], "first");
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(15), &json!(0)));
    let renewed = until(&store, |now| now["renewTime"] != spec["renewTime"]).await;
    assert_eq!(renewed["acquireTime"], spec["acquireTime"]);
    assert_eq!((first.now() != Leadership::Standby, second.now()), (true, Leadership::Standby));

    let clock = crate::clock::Stopwatch::start();
    first.end().await;
    second.leads().await;
    // Less than the lease's 3.75 s, since it was given back.
    assert!(clock.elapsed() < Duration::from_millis(3_000), "{:?}", clock.elapsed());
    assert_eq!((&store.spec()["holderIdentity"], &store.spec()["leaseTransitions"]), (&json!("second"), &json!(1)));
    second.end().await;
    assert_eq!(store.spec()["holderIdentity"], Value::Null);
}

#[tokio::test]
async fn of_two_that_start_at_once_only_one_leads() {
    let store = Store::default();
    let mut replicas: Vec<_> = ["a", "b"].map(|name| Replica::start(name, &store, Fault::None)).into();
    let holder = until(&store, |spec| spec["holderIdentity"].is_string()).await["holderIdentity"].clone();
    let leader = usize::from(holder == "b");
    replicas[leader].leads().await;
    assert_eq!(replicas[1 - leader].now(), Leadership::Standby);
    for replica in replicas {
        replica.end().await;
    }
}

#[tokio::test]
async fn a_leader_that_cannot_renew_says_so_before_another_takes_over() {
    for fault in [Fault::Hang, Fault::Status(500), Fault::Status(403)] {
        let store = Store::default();
        let mut first = Replica::start("first", &store, Fault::None);
        first.leads().await;
        let mut second = Replica::start("second", &store, Fault::None);
        first.fault(fault);
        first.loses().await;
        assert_eq!(second.now(), Leadership::Standby);
        second.leads().await;
        // The first sees that, and keeps its hands off.
        first.fault(Fault::None);
        first.end().await;
        assert_eq!(store.spec()["holderIdentity"], "second");
        second.end().await;
    }
}

#[tokio::test]
async fn a_process_that_lost_renews_while_it_drains_and_gives_back_but_never_leads_again() {
    let store = Store::default();
    let mut replica = Replica::start("first", &store, Fault::None);
    replica.leads().await;
    replica.fault(Fault::Status(503));
    replica.loses().await;
    let before = store.spec();
    replica.fault(Fault::None);
    let after = until(&store, |spec| spec["renewTime"] != before["renewTime"]).await;
    assert_eq!(after["holderIdentity"], "first");
    assert_eq!(replica.now(), Leadership::Lost);
    replica.end().await;
    assert_eq!(store.spec()["holderIdentity"], Value::Null);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_to_be_ours() {
    let store = Store::default();
    let mut replica = Replica::start("first", &store, Fault::WritesUnanswered);
    let taken = until(&store, |spec| spec["holderIdentity"] == "first").await;
    assert_eq!(replica.now(), Leadership::Standby);
    replica.fault(Fault::None);
    replica.leads().await;
    // Renewed, not taken a second time.
    let spec = until(&store, |spec| spec["renewTime"] != taken["renewTime"]).await;
    assert_eq!((&spec["acquireTime"], &spec["leaseTransitions"]), (&taken["acquireTime"], &json!(0)));
    // A renewal whose answer is lost once costs nothing either.
    replica.fault(Fault::WritesUnanswered);
    let renewed = until(&store, |now| now["renewTime"] != spec["renewTime"]).await;
    replica.fault(Fault::None);
    until(&store, |now| now["renewTime"] != renewed["renewTime"]).await;
    assert!(matches!(replica.now(), Leadership::Leading { .. }));
    replica.end().await;
}

#[tokio::test]
async fn a_lease_that_another_took_is_lost_and_left_alone() {
    let store = Store::default();
    let mut replica = Replica::start("first", &store, Fault::None);
    replica.leads().await;
    let theirs = json!({"holderIdentity": "other", "leaseDurationSeconds": 15, "leaseTransitions": 9});
    store.put(Some(theirs.clone()));
    replica.loses().await;
    replica.end().await;
    assert_eq!(store.spec(), theirs);
}

#[tokio::test]
async fn a_lease_that_was_deleted_is_made_again_by_its_leader() {
    let store = Store::default();
    let mut replica = Replica::start("first", &store, Fault::None);
    replica.leads().await;
    store.put(None);
    until(&store, |spec| spec["holderIdentity"] == "first").await;
    assert!(matches!(replica.now(), Leadership::Leading { .. }));
    replica.end().await;
}

#[tokio::test]
async fn a_silent_holder_is_followed_only_after_its_duration_as_seen_here() {
    let store = Store::default();
    // Written by a machine whose clock is far behind.
    store.put(Some(json!({"holderIdentity": "gone", "leaseDurationSeconds": 15, "leaseTransitions": 2,
        "renewTime": "2001-01-01T00:00:00.000000Z"})));
    let clock = crate::clock::Stopwatch::start();
    let mut replica = Replica::start("next", &store, Fault::None);
    replica.leads().await;
    assert!(clock.elapsed() >= Duration::from_millis(3_700), "{:?}", clock.elapsed());
    assert_eq!(store.spec()["leaseTransitions"], 3);
    replica.end().await;
}

#[tokio::test]
async fn a_replica_that_may_not_touch_the_lease_stands_by_and_ends_when_told() {
    let store = Store::default();
    let replica = Replica::start("first", &store, Fault::Status(403));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(replica.now(), Leadership::Standby);
    replica.end().await;
    assert_eq!(store.spec(), Value::Null);
}
