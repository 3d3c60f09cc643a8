//! The real binary as a process, with the permissions of the chart's ServiceAccount and without this machine's
//! environment variables.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::cluster::cluster;
use super::http;
use super::programs::{BIN, ChildProcess, RUN, unique_name};
use super::proxy::Proxy;
use super::wait::{TIMEOUT, ensure, eventually, eventually_for};

/// The operator's binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_propensity-operator");

/// The settings to start an operator with.
pub struct Launch<'a> {
    name: String,
    args: Vec<String>,
    simulator: SocketAddr,
    kubeconfig: PathBuf,
    proxy: Option<&'a Proxy>,
}

impl<'a> Launch<'a> {
    /// The settings that every test needs: its own namespace and lease, and a free port.
    pub fn new(namespace: &str, url: &str, simulator: SocketAddr) -> Self {
        let launch = Self {
            name: namespace.to_owned(),
            args: vec![],
            simulator,
            kubeconfig: cluster().operator_kubeconfig.clone(),
            proxy: None,
        };
        launch
            .flag("api-url", url)
            .flag("allowed-hosts", "127.0.0.1")
            .flag("watch-namespaces", namespace)
            .flag("lease-namespace", namespace)
            .flag("listen", "127.0.0.1:0")
            .flag("log-format", "json")
            .flag("log-level", "debug")
            // Long enough to be renewed in time on a very busy machine.
            .flag("lease-duration", "90s")
            .flag("renew-deadline", "80s")
            .flag("retry-period", "1s")
    }

    /// Sets a flag and replaces an earlier value.
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        let start = format!("--{flag}=");
        self.args.retain(|arg| !arg.starts_with(&start));
        self.args.push(format!("{start}{value}"));
        self
    }

    /// Makes its clock run `scale` times faster. This shortens all waits, except request timeouts and the lease.
    pub fn fast(self, scale: u32) -> Self {
        self.flag("dev-time-scale", &scale.to_string())
    }

    /// Sets a short lease, so that another process can take over soon after this one is killed.
    pub fn short_lease(self) -> Self {
        self.flag("lease-duration", "6s").flag("renew-deadline", "5s").flag("retry-period", "500ms")
    }

    /// Sends all its requests through a proxy.
    pub fn through(mut self, proxy: &'a Proxy) -> Self {
        self.simulator = proxy.api;
        self.proxy = Some(proxy);
        let url = format!("http://{}/", proxy.api);
        self.flag("api-url", &url).kubeconfig(proxy.kubeconfig.clone())
    }

    /// Uses this kubeconfig instead of that of the chart's ServiceAccount.
    pub fn kubeconfig(mut self, kubeconfig: PathBuf) -> Self {
        self.kubeconfig = kubeconfig;
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Operator {
        let operator = self.spawn();
        operator.wait_ready();
        operator
    }

    /// Starts it and waits until it serves its probes.
    pub fn spawn(self) -> Operator {
        let log = RUN.join(format!("{}.log", unique_name(&self.name)));
        let stderr = File::create(&log).expect("the run's folder can be written");
        let mut command = Command::new(BIN.join("cluster"));
        command
            .args(["guard", "--", BINARY])
            .args(&self.args)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &*RUN)
            .env("RUST_BACKTRACE", "1");
        let process = ChildProcess::start(&mut command, Stdio::from(stderr));
        let first = process.line(Duration::from_secs(10)).expect("the guard prints the process ID");
        let pid = first.strip_prefix("pid ").and_then(|pid| pid.parse().ok()).expect("a line with the pid");
        if let Some(proxy) = self.proxy {
            proxy.register_process(pid);
        }
        let mut operator = Operator { process, pid, log, address: None, ended: None };
        let address = eventually("the operator logs its address", || {
            operator.find_address(self.simulator).ok_or_else(|| operator.log())
        });
        operator.address = Some(address);
        operator
    }
}

/// A running operator. It is killed when dropped.
pub struct Operator {
    process: ChildProcess,
    pub pid: u32,
    pub log: PathBuf,
    address: Option<SocketAddr>,
    ended: Option<String>,
}

impl Operator {
    /// Its own address, from its log: the only loopback address there that isn't the simulator's.
    fn find_address(&self, simulator: SocketAddr) -> Option<SocketAddr> {
        let log = self.log();
        let found = log.match_indices("127.0.0.1:").filter_map(|(at, _)| {
            let rest = &log[at..];
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
            rest[..end].trim_end_matches(['.', ':']).parse().ok()
        });
        let mut mine = found.filter(|address: &SocketAddr| *address != simulator && address.port() != 0);
        mine.next()
    }

    /// Sends a GET to one of its own endpoints.
    pub fn get(&self, path: &str) -> std::io::Result<http::Answer> {
        http::get(self.address.expect("set when it started"), path)
    }

    pub fn wait_ready(&self) {
        eventually("the operator is ready", || match self.get("/readyz") {
            Ok(answer) => ensure(answer.status == 200, || answer.body),
            Err(error) => Err(error.to_string()),
        });
    }

    /// Waits until it is the leader.
    pub fn wait_leading(&self) {
        eventually("the operator is the leader", || ensure(self.is_leading(), || "its metric isn't 1".to_owned()));
    }

    pub fn is_leading(&self) -> bool {
        self.metric(LEADER) == Some(1.0)
    }

    /// All metrics in the text format, as Prometheus gets them.
    pub fn metrics(&self) -> String {
        self.get("/metrics").expect("metrics are served").body
    }

    /// The value of one metric, given by its name and labels as in the text format.
    pub fn metric(&self, name: &str) -> Option<f64> {
        value(&self.metrics(), name)
    }

    /// The sum of a metric over all its labels.
    pub fn metric_sum(&self, name: &str) -> f64 {
        let text = self.metrics();
        let has_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        text.lines().filter(has_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a file of this run")
    }

    pub fn log_lines(&self) -> Vec<Value> {
        let log = self.log();
        log.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect()
    }

    /// Sends a signal: TERM, INT, KILL, STOP or CONT.
    pub fn signal(&mut self, name: &str) {
        self.process.write(name);
    }

    /// Kills it with SIGKILL, like a failure of its node, and waits until it has exited.
    pub fn kill(&mut self) {
        self.signal("KILL");
        assert_eq!(self.wait_ended(), "signal KILL");
    }

    /// Whether it is the leader; `false` if it doesn't respond.
    pub fn seems_leading(&self) -> bool {
        self.get("/metrics").is_ok_and(|answer| value(&answer.body, LEADER) == Some(1.0))
    }

    /// Whether it has exited.
    pub fn has_ended(&mut self) -> bool {
        self.ended = self.ended.take().or_else(|| self.process.line(Duration::ZERO));
        self.ended.is_some()
    }

    /// Waits until it exits, and returns how: `exit 0`, `signal KILL` and so on.
    pub fn wait_ended(&mut self) -> String {
        if self.ended.is_none() {
            self.ended = self.process.line(TIMEOUT);
        }
        self.ended.clone().unwrap_or_else(|| panic!("the operator doesn't exit:\n{}", tail(&self.log(), 40)))
    }

    /// Waits until SIGSTOP has stopped it, or until it runs again after SIGCONT.
    pub fn wait_stopped(&self, stopped: bool) {
        let path = format!("/proc/{}/stat", self.pid);
        eventually_for(Duration::from_secs(5), "the process is stopped or runs again", || {
            let stat = fs::read_to_string(&path).unwrap_or_default();
            let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
            ensure((state == Some('T')) == stopped, || stat)
        });
    }
}

/// 1 while a process is the leader.
const LEADER: &str = "propensity_operator_leader";

/// The value of one metric in the text format.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
