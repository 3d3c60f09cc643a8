//! The Propensity API with faults, as a process; see `dev/simulator/doc.go`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::http;
use super::programs::{BIN, ChildProcess, RUN};
use super::wait::eventually;

/// The simulator of one test.
pub struct Simulator {
    process: ChildProcess,
    address: SocketAddr,
    log: PathBuf,
    key: String,
}

impl Simulator {
    /// Starts one that accepts this key. Its log is named after `name`.
    pub fn start(name: &str, key: &str) -> Self {
        let log = RUN.join(format!("{name}.simulator.jsonl"));
        let (process, address) = spawn("127.0.0.1:0", &log, key).expect("a simulator on a free port");
        Self { process, address, log, key: key.to_owned() }
    }

    /// Stops it; new connections are then refused.
    pub fn stop(&mut self) {
        self.process.end();
    }

    /// Starts it again on the same address, with everything that it had stored.
    pub fn restart(&mut self) {
        self.process.end();
        let address = self.address.to_string();
        self.process = eventually("the simulator listens on its port again", || {
            spawn(&address, &self.log, &self.key).map(|(process, _)| process).ok_or("the port is taken")
        });
    }

    /// The base URL for the operator.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http::request(self.address, method, path, &body).expect("the simulator answers");
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Adds a fault, in the simulator's own format.
    pub fn fault(&self, fault: Value) {
        self.call("POST", "/_sim/faults", &fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.call("DELETE", "/_sim/faults", &Value::Null);
    }

    /// Replaces the API key; the old one is no longer accepted.
    pub fn rotate_key(&mut self, key: &str) {
        self.call("POST", "/_sim/keys", &json!({"keys": [key]}));
        self.key = key.to_owned();
    }

    /// The endpoint URL of each report.
    pub fn report_urls(&self) -> Map<String, Value> {
        self.call("GET", "/_sim/reports", &Value::Null)["reports"].as_object().expect("a documented field").clone()
    }

    /// Sets what reports return, in the simulator's own format.
    pub fn set_reports(&self, settings: Value) {
        self.call("POST", "/_sim/reports", &settings);
    }

    /// Gives all reports new URLs.
    pub fn rotate_reports(&self) {
        self.call("POST", "/_sim/reports/rotate", &Value::Null);
    }

    /// How many requests for a report were received.
    pub fn report_requests(&self, report: &str) -> u64 {
        self.state()["reports"][report]["requests"].as_u64().expect("a documented field")
    }

    /// The body that a report returns now, requested without the operator.
    pub fn fetch_report(&self, report: &str) -> String {
        let urls = self.report_urls();
        let url = urls[report].as_str().expect("a URL");
        let path = url.splitn(4, '/').nth(3).expect("a path");
        http::request(self.address, "GET", &format!("/{path}"), "").expect("the simulator answers").body
    }

    /// Waits until the fault `hold` holds this many requests.
    pub fn wait_held(&self, count: u64) {
        eventually("the simulator holds requests", || {
            let held = self.call("GET", &format!("/_sim/held?atLeast={count}&waitMs=1000"), &Value::Null);
            if held["held"].as_u64() >= Some(count) { Ok(()) } else { Err(held.to_string()) }
        });
    }

    /// Lets held requests continue, with their normal response.
    pub fn release(&self) {
        self.call("POST", "/_sim/release", &Value::Null);
    }

    /// All requests so far, without their members.
    pub fn requests(&self) -> Vec<Value> {
        self.list("/_sim/requests")
    }

    /// All stored audiences, with their members.
    pub fn audiences(&self) -> Vec<Value> {
        self.list("/_sim/audiences")
    }

    pub fn state(&self) -> Value {
        self.call("GET", "/_sim/state", &Value::Null)
    }

    /// How many audiences were stored although an identical one existed.
    pub fn duplicates(&self) -> u64 {
        self.state()["audiences"]["duplicates"].as_u64().expect("a count")
    }

    fn list(&self, path: &str) -> Vec<Value> {
        self.call("GET", path, &Value::Null).as_array().expect("a list").clone()
    }

    /// Waits until this many requests were received.
    pub fn wait_requests(&self, count: usize) -> Vec<Value> {
        eventually("the simulator receives requests", || {
            let requests = self.requests();
            if requests.len() >= count { Ok(requests) } else { Err(format!("{} of {count}", requests.len())) }
        })
    }
}

/// Starts the program; none if it can't listen on the address.
fn spawn(listen: &str, log: &PathBuf, key: &str) -> Option<(ChildProcess, SocketAddr)> {
    let stderr =
        File::options().create(true).append(true).open(log.with_extension("stderr")).expect("a writable folder");
    let mut command = Command::new(BIN.join("simulator"));
    command.args(["--listen", listen, "--key", key, "--hold", "stdin", "--log"]).arg(log);
    let process = ChildProcess::start(&mut command, Stdio::from(stderr));
    let line = process.line(Duration::from_secs(30))?;
    let about: Value = serde_json::from_str(&line).expect("one line of JSON");
    let url = about["url"].as_str().expect("a documented field");
    let address = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    Some((process, address))
}
