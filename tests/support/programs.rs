//! The development programs, built once a run, and children that never outlive this process, even if it is killed: they end
//! when a pipe that only this process holds is closed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where this run keeps logs and state. It stays for looking into, until the next run.
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

/// Folder with the built programs of `dev/`.
pub static BIN: LazyLock<PathBuf> = LazyLock::new(|| {
    let bin = RUN.join("bin");
    fs::create_dir_all(&bin).expect("the run's folder can be written");
    let built = Command::new("go")
        .args(["-C", "dev", "build", "-o"])
        .arg(format!("{}/", bin.display()))
        .args(["./cluster", "./simulator"])
        .current_dir(root())
        .status()
        .expect("these tests need Go: install it from https://go.dev/dl/");
    assert!(built.success(), "dev/cluster and dev/simulator don't build");
    bin
});

/// A name that no other file, process or namespace of this run has.
pub fn numbered(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A program that ends when its stdin does, and tells what there is to know in lines on stdout.
pub struct Held {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Held {
    /// Starts a program. Its stderr goes where `stderr` says.
    pub fn start(command: &mut Command, stderr: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} doesn't start: {error}"));
        let stdout = child.stdout.take().expect("it is piped");
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

    /// The next line of its stdout; none if it ends or stays silent for so long.
    pub fn line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Writes a line to its stdin. That it has ended shows elsewhere.
    pub fn write(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}");
        }
    }

    /// Ends it and waits until it is gone.
    pub fn end(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end();
    }
}
