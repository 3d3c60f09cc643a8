//! The environment of one test: its own namespace, simulator and operators, with helpers for what a user does, for
//! waiting and for assertions.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::{Value, json};

use super::cluster::{RELEASE, RUNTIME, SYSTEM, cluster};
use super::objects::{Kind, Objects, condition, message, reason};
use super::operator::{Launch, tail};
use super::programs::{RUN, unique_name};
use super::simulator::Simulator;
use super::wait::{ensure, eventually};

/// The workspace that audiences refer to by default.
pub const WORKSPACE: &str = "default";

/// The environment of one test.
pub struct World {
    pub namespace: String,
    pub objects: Objects,
    pub simulator: RefCell<Simulator>,
}

impl World {
    /// A new namespace and simulator, and nothing else yet.
    pub fn new() -> Self {
        let key = unique_name("key-of-the-simulator");
        Self::with_key(&key)
    }

    /// The same, with this API key for the simulator.
    pub fn with_key(key: &str) -> Self {
        let thread = std::thread::current();
        let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or("test").replace('_', "-");
        let namespace = unique_name(test.get(..40).unwrap_or(&test).trim_end_matches('-'));
        let body = Namespace { metadata: named(&namespace), ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(cluster().client.clone());
        RUNTIME.block_on(namespaces.create(&Default::default(), &body)).expect("a name that is new");
        let objects = Objects { namespace: namespace.clone() };
        grant_lease(&objects);
        let simulator = RefCell::new(Simulator::start(&namespace, key));
        Self { namespace, objects, simulator }
    }

    /// The settings of an operator for this namespace, which isn't started yet.
    pub fn operator(&self) -> Launch<'static> {
        let simulator = self.simulator.borrow();
        Launch::new(&self.namespace, &simulator.url(), simulator.address())
    }

    /// Applies the Secret with the simulator's key, and the workspace.
    pub fn connect(&self) {
        self.connect_with(json!({}));
    }

    /// The same, with additional fields in the workspace's spec. Its rate limit is too high to slow a test down.
    pub fn connect_with(&self, spec: Value) {
        let key = self.simulator.borrow().key().to_owned();
        self.secret("propensity", &key);
        self.workspace(spec);
    }

    /// Applies the Secret with the simulator's key and the URLs of its reports, and the workspace.
    pub fn connect_reports(&self, spec: Value) {
        self.report_secret();
        self.workspace(spec);
    }

    /// Applies the Secret with the simulator's key and the current URLs of its reports.
    pub fn report_secret(&self) {
        let simulator = self.simulator.borrow();
        let mut entries = simulator.report_urls();
        entries.insert("workspace_api_key".to_owned(), simulator.key().into());
        self.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    }

    /// Applies a report; `report` is its entry in the Secret. `spec` has additional fields.
    pub fn report(&self, name: &str, report: &str, spec: Value) {
        let mut whole = json!({"report": report});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Report, name, json!({"spec": whole}));
    }

    /// Applies a Secret with an API key.
    pub fn secret(&self, name: &str, key: &str) {
        self.apply(Kind::Secret, name, json!({"stringData": {"workspace_api_key": key}}));
    }

    /// Applies the workspace, with additional fields in its spec.
    pub fn workspace(&self, spec: Value) {
        let mut whole = json!({
            "workspaceID": self.namespace,
            "rateLimit": {"requestsPerMinute": 100_000, "burst": 1000},
            "dailyCreateBudget": 10_000,
        });
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Workspace, WORKSPACE, json!({"spec": whole}));
    }

    /// Applies an audience of accounts, given by their websites.
    pub fn accounts(&self, name: &str, websites: &[&str]) {
        self.accounts_with(name, websites, json!({}));
    }

    /// The same, with additional fields in its spec.
    pub fn accounts_with(&self, name: &str, websites: &[&str], spec: Value) {
        let mut whole = json!({"accounts": websites.iter().map(|w| json!({"website": w})).collect::<Vec<_>>()});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Accounts, name, json!({"spec": whole}));
    }

    /// Applies an audience of contacts.
    pub fn contacts(&self, name: &str, contacts: Value) {
        self.apply(Kind::Contacts, name, json!({"spec": {"contacts": contacts}}));
    }

    #[track_caller]
    pub fn apply(&self, kind: Kind, name: &str, body: Value) -> Value {
        self.objects.apply(kind, name, body).unwrap_or_else(|error| panic!("{kind:?} {name} is refused: {error}"))
    }

    #[track_caller]
    pub fn get(&self, kind: Kind, name: &str) -> Value {
        self.objects.get(kind, name)
    }

    /// Waits until `Ready` has this reason for the current generation of the spec.
    #[track_caller]
    pub fn wait_reason(&self, kind: Kind, name: &str, expected: &str) -> Value {
        self.wait_message(kind, name, expected, "")
    }

    /// Waits until the current generation is an audience in the workspace: sent now, or already in the ledger.
    #[track_caller]
    pub fn wait_ready(&self, kind: Kind, name: &str) -> Value {
        eventually(&format!("{kind:?} {name} is ready"), || {
            let object = self.get(kind, name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let ready = current && matches!(reason(&object), "Created" | "AlreadyCreated");
            ensure(ready, || format!("its reason is {:?}, for the current generation: {current}", reason(&object)))?;
            Ok::<_, String>(object)
        })
    }

    /// Waits until `Ready` has this reason and its message contains this text.
    #[track_caller]
    pub fn wait_message(&self, kind: Kind, name: &str, expected: &str, text: &str) -> Value {
        eventually(&format!("{kind:?} {name} has reason {expected} and a message with {text:?}"), || {
            let object = self.get(kind, name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            ensure(current && reason(&object) == expected && message(&object).contains(text), || {
                format!(
                    "its reason is {:?}, for the current generation: {current}: {}",
                    reason(&object),
                    message(&object)
                )
            })?;
            Ok::<_, String>(object)
        })
    }

    /// Waits until a condition of the workspace is true.
    #[track_caller]
    pub fn wait_workspace_condition(&self, type_: &str) -> Value {
        eventually(&format!("the workspace's condition {type_} is true"), || {
            let workspace = self.get(Kind::Workspace, WORKSPACE);
            let found = condition(&workspace, type_).filter(|c| c["status"] == "True").cloned();
            found.ok_or_else(|| workspace["status"].to_string())
        })
    }

    /// The receipts of audiences, without the anchor.
    pub fn receipts(&self) -> Vec<Value> {
        let mut receipts = self.objects.list(Kind::Receipt);
        receipts.retain(|receipt| receipt["identity"]["kind"] != "Anchor");
        receipts
    }

    /// The receipt of an audience; fails unless there is exactly one.
    #[track_caller]
    pub fn receipt(&self) -> Value {
        let mut receipts = self.receipts();
        assert_eq!(receipts.len(), 1, "one receipt: {receipts:?}");
        receipts.remove(0)
    }

    /// Waits until a receipt has this state.
    #[track_caller]
    pub fn wait_receipt_state(&self, state: &str) -> Value {
        eventually(&format!("a receipt has the state {state}"), || {
            let receipts = self.receipts();
            let found = receipts.iter().find(|r| r["record"]["state"] == state).cloned();
            found.ok_or_else(|| Value::from(receipts).to_string())
        })
    }

    /// The reasons and notes of the events about an object.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let events = self.objects.list(Kind::Event);
        let about = events.iter().filter(|event| event["regarding"]["name"] == name);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        about.map(|event| (text(&event["reason"]), text(&event["note"]))).collect()
    }

    /// Waits for an event about an object and returns its note.
    #[track_caller]
    pub fn wait_event(&self, name: &str, reason: &str) -> String {
        eventually(&format!("an event {reason} about {name}"), || {
            let events = self.events(name);
            let found = events.iter().find(|(of, _)| of == reason).map(|(_, note)| note.clone());
            found.ok_or_else(|| format!("{events:?}"))
        })
    }

    /// Asserts how many requests were received and how many audiences are stored, and that none is stored twice.
    #[track_caller]
    pub fn assert_sent(&self, requests: usize, stored: usize) {
        let simulator = self.simulator.borrow();
        let received = simulator.requests();
        assert_eq!(received.len(), requests, "requests: {received:#?}");
        assert_eq!(simulator.audiences().len(), stored, "audiences stored, of these requests: {received:#?}");
        assert_eq!(simulator.duplicates(), 0, "duplicates");
    }

    /// Runs kubectl in this namespace, like a user.
    pub fn kubectl(&self, args: &[&str]) -> CommandOutput {
        self.kubectl_with(args, "")
    }

    /// The same, with input on stdin.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> CommandOutput {
        let mut command = cluster().program("kubectl");
        command.args(["--namespace", &self.namespace]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl can be started");
        let written = child.stdin.take().expect("stdin is piped").write_all(input.as_bytes());
        let output = CommandOutput::of(&child.wait_with_output().expect("kubectl exits"));
        // A command that doesn't read its stdin may have exited already.
        assert!(written.is_ok() || input.is_empty(), "kubectl didn't read: {}", output.text);
        output
    }

    /// Runs a command from a message of the operator in an admin's shell.
    #[track_caller]
    pub fn run(&self, command: &str) -> CommandOutput {
        let path = std::env::join_paths([cluster().bin.clone(), "/usr/bin".into(), "/bin".into()]).expect("folders");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", command]).env("PATH", path).env("KUBECONFIG", &cluster().kubeconfig).env("HOME", &*RUN);
        CommandOutput::of(&shell.stdin(Stdio::null()).output().expect("the shell can be started"))
    }

    /// Everything that helps to understand a failure.
    fn describe(&self) -> String {
        let mut text = format!("\n──── namespace {}\n", self.namespace);
        for kind in [Kind::Workspace, Kind::Report, Kind::Contacts, Kind::Accounts] {
            for object in self.objects.list(kind) {
                let (name, status) = (&object["metadata"]["name"], &object["status"]);
                text += &format!("{kind:?} {name}, generation {}: {status:#}\n", object["metadata"]["generation"]);
            }
        }
        for receipt in self.objects.list(Kind::Receipt) {
            text += &format!("receipt {}: {:#}\n", receipt["metadata"]["name"], receipt["record"]);
        }
        for event in self.objects.list(Kind::Event) {
            text += &format!("event {} {}: {}\n", event["regarding"]["name"], event["reason"], event["note"]);
        }
        for entry in fs::read_dir(&*RUN).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = fs::read_to_string(entry.path()).unwrap_or_default();
            if name.starts_with(&format!("{}.simulator", self.namespace)) || is_log_of(&name, &self.namespace) {
                text += &format!("──── last lines of {}\n{}\n", entry.path().display(), tail(&content, 40));
            }
        }
        text
    }
}

/// Whether a file is `<namespace>-<number>.log`.
fn is_log_of(file: &str, namespace: &str) -> bool {
    let number = file.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".log"));
    number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.describe());
        }
    }
}

/// The result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub ok: bool,
    /// Its stdout and then its stderr.
    pub text: String,
}

impl CommandOutput {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        Self { ok: output.status.success(), text }
    }

    /// Its output; fails the test if the command failed.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert!(self.ok, "the command failed: {}", self.text);
        self.text
    }

    /// Its output; fails the test if the command succeeded.
    #[track_caller]
    pub fn expect_failure(self) -> String {
        assert!(!self.ok, "the command should have failed: {}", self.text);
        self.text
    }
}

fn named(name: &str) -> kube::api::ObjectMeta {
    kube::api::ObjectMeta { name: Some(name.to_owned()), ..Default::default() }
}

/// Lets the operator use a lease in this namespace, with a copy of the Role that the chart creates in the release's
/// namespace. So operators of several tests don't compete for one lease, and the chart's rules are still tested.
fn grant_lease(objects: &Objects) {
    let chart = Objects { namespace: SYSTEM.to_owned() };
    let name = format!("{RELEASE}-leader-election");
    let role = chart.get(Kind::Role, &name);
    let binding = chart.get(Kind::RoleBinding, &name);
    let grant = objects.apply(Kind::Role, &name, json!({"rules": role["rules"]}));
    grant.expect("a copy of a role");
    let body = json!({"roleRef": binding["roleRef"], "subjects": binding["subjects"]});
    objects.apply(Kind::RoleBinding, &name, body).expect("a copy of a binding");
}
