//! The development programs, built once per run, and child processes that never outlive this process, even if it is
//! killed: they exit when their stdin is closed, and only this process has its other end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::http;
use super::wait::eventually;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for the logs and state of this run. It is kept for inspection until the next run.
pub static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operator-tests");
    for old in fs::read_dir(&runs).into_iter().flatten().flatten() {
        let alive = Path::new("/proc").join(old.file_name()).exists();
        if !alive {
            let _ = fs::remove_dir_all(old.path());
        }
    }
    let run = runs.join(std::process::id().to_string());
    fs::create_dir_all(&run).expect("the target folder can be written");
    run
});

/// The folder with the built programs of `dev/`.
pub static BIN: LazyLock<PathBuf> = LazyLock::new(|| {
    let bin = RUN.join("bin");
    fs::create_dir_all(&bin).expect("the run's folder can be written");
    let built = Command::new("go")
        .args(["-C", "dev", "build", "-o"])
        .arg(format!("{}/", bin.display()))
        .args(["./cluster", "./promcheck", "./simulator"])
        .current_dir(root())
        .status()
        .expect("these tests need Go: install it from https://go.dev/dl/");
    assert!(built.success(), "the programs of dev/ don't build");
    bin
});

/// A name that is unique among the files, processes and namespaces of this run.
pub fn unique_name(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A program that exits when its stdin is closed, and reports in lines on stdout.
pub struct ChildProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl ChildProcess {
    /// Starts a program, with its stderr redirected to `stderr`.
    pub fn start(command: &mut Command, stderr: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} doesn't start: {error}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { stdin: child.stdin.take(), child, lines }
    }

    /// The next line of its stdout; none if it exits or prints nothing within the timeout.
    pub fn line(&self, timeout: Duration) -> Option<String> {
        self.lines.recv_timeout(timeout).ok()
    }

    /// Writes a line to its stdin. An error is ignored: tests see by other means that the process has exited.
    pub fn write(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}");
        }
    }

    /// Ends it and waits until it has exited.
    pub fn end(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// A Prometheus with a scrape interval of one second. It is killed when dropped.
pub struct Prometheus {
    _process: ChildProcess,
    pub address: SocketAddr,
}

impl Prometheus {
    /// Starts Prometheus on a free port with this rule file. It scrapes one address, as if it were a release in this
    /// namespace.
    pub fn start(binary: &Path, name: &str, rules: &Path, namespace: &str, target: SocketAddr) -> Self {
        let dir = RUN.join(unique_name(&format!("{name}.prometheus")));
        fs::create_dir_all(&dir).expect("the run's folder can be written");
        let (config, log) = (dir.join("prometheus.json"), dir.join("log"));
        let scraped = serde_json::json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{
                "job_name": "propensity-operator",
                // Keep the namespace label of the metric (that of a report), not the namespace of the pod.
                "honor_labels": true,
                "static_configs": [{"targets": [target.to_string()], "labels": {"namespace": namespace}}],
            }],
        });
        // JSON is also YAML.
        fs::write(&config, scraped.to_string()).expect("the run's folder can be written");
        let mut command = Command::new(BIN.join("cluster"));
        command.args(["guard", "--"]).arg(binary).arg("--web.listen-address=127.0.0.1:0").args([
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
        ]);
        let stderr = File::create(&log).expect("the run's folder can be written");
        let process = ChildProcess::start(&mut command, Stdio::from(stderr));
        let address = eventually("Prometheus logs its address", || {
            let output = fs::read_to_string(&log).expect("a file of this run");
            let line = output.lines().find(|line| line.contains("Listening on"));
            let address = line.and_then(|line| line.split("address=").nth(1)?.split(' ').next()?.parse().ok());
            address.ok_or(output)
        });
        Self { _process: process, address }
    }

    /// Sends a GET to its HTTP API and returns the data of the response.
    #[track_caller]
    pub fn query(&self, path: &str) -> Value {
        let answer = http::get(self.address, path).expect("Prometheus answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let mut answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        answer["data"].take()
    }
}
