//! The Propensity API with faults, as a process; see `dev/simulator/doc.go`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::http;
use super::programs::{BIN, Held, RUN};
use super::wait::eventually;

/// A simulator of one's own.
pub struct Simulator {
    process: Held,
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

    /// Ends it; whoever calls it now is refused by the kernel.
    pub fn stop(&mut self) {
        self.process.end();
    }

    /// Starts it where it was, with all that it had stored.
    pub fn restart(&mut self) {
        self.process.end();
        let address = self.address.to_string();
        self.process = eventually("the simulator takes its port again", || {
            spawn(&address, &self.log, &self.key).map(|(process, _)| process).ok_or("the port is taken")
        });
    }

    /// Where the operator finds it.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http::request(self.address, method, path, &body).expect("the simulator answers");
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Orders faults, in the words of the simulator.
    pub fn fault(&self, fault: Value) {
        self.ask("POST", "/_sim/faults", &fault);
    }

    /// Takes all faults away.
    pub fn mend(&self) {
        self.ask("DELETE", "/_sim/faults", &Value::Null);
    }

    /// Accepts this key and no other any more.
    pub fn rotate(&mut self, key: &str) {
        self.ask("POST", "/_sim/keys", &json!({"keys": [key]}));
        self.key = key.to_owned();
    }

    /// The endpoint URL of each report.
    pub fn report_urls(&self) -> Map<String, Value> {
        self.ask("GET", "/_sim/reports", &Value::Null)["reports"].as_object().expect("documented").clone()
    }

    /// Sets what reports answer, in the words of the simulator.
    pub fn reports(&self, settings: Value) {
        self.ask("POST", "/_sim/reports", &settings);
    }

    /// Gives all reports new URLs.
    pub fn rotate_reports(&self) {
        self.ask("POST", "/_sim/reports/rotate", &Value::Null);
    }

    /// How many requests came for a report.
    pub fn report_requests(&self, report: &str) -> u64 {
        self.state()["reports"][report]["requests"].as_u64().expect("documented")
    }

    /// What a report answers now, asked without the operator.
    pub fn report(&self, report: &str) -> String {
        let urls = self.report_urls();
        let url = urls[report].as_str().expect("a URL");
        let path = url.splitn(4, '/').nth(3).expect("a path");
        http::request(self.address, "GET", &format!("/{path}"), "").expect("the simulator answers").body
    }

    /// Waits until so many requests are held by the fault `hold`.
    pub fn wait_held(&self, count: u64) {
        eventually("requests are held by the simulator", || {
            let held = self.ask("GET", &format!("/_sim/held?atLeast={count}&waitMs=1000"), &Value::Null);
            if held["held"].as_u64() >= Some(count) { Ok(()) } else { Err(held.to_string()) }
        });
    }

    /// Lets held requests go, with their own answer.
    pub fn release(&self) {
        self.ask("POST", "/_sim/release", &Value::Null);
    }

    /// Every request so far, without its members.
    pub fn requests(&self) -> Vec<Value> {
        self.list("/_sim/requests")
    }

    /// Every audience that was stored, with its members.
    pub fn audiences(&self) -> Vec<Value> {
        self.list("/_sim/audiences")
    }

    pub fn state(&self) -> Value {
        self.ask("GET", "/_sim/state", &Value::Null)
    }

    /// Audiences that were stored although the same one was there.
    pub fn duplicates(&self) -> u64 {
        self.state()["audiences"]["duplicates"].as_u64().expect("a count")
    }

    fn list(&self, path: &str) -> Vec<Value> {
        self.ask("GET", path, &Value::Null).as_array().expect("a list").clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_requests(&self, count: usize) -> Vec<Value> {
        eventually("requests reach the simulator", || {
            let requests = self.requests();
            if requests.len() >= count { Ok(requests) } else { Err(format!("{} of {count}", requests.len())) }
        })
    }
}

/// Starts the program; none if it can't have the address.
fn spawn(listen: &str, log: &PathBuf, key: &str) -> Option<(Held, SocketAddr)> {
    let stderr =
        File::options().create(true).append(true).open(log.with_extension("stderr")).expect("a writable folder");
    let mut command = Command::new(BIN.join("simulator"));
    command.args(["--listen", listen, "--key", key, "--hold", "stdin", "--log"]).arg(log);
    let process = Held::start(&mut command, Stdio::from(stderr));
    let line = process.line(Duration::from_secs(30))?;
    let about: Value = serde_json::from_str(&line).expect("one line of JSON");
    let url = about["url"].as_str().expect("documented");
    let address = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    Some((process, address))
}
