//! What one test has for itself: a namespace, a simulator and the operators it starts, with words for what a user does.

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
use super::programs::{RUN, numbered};
use super::simulator::Simulator;
use super::wait::{ensure, eventually};

/// The workspace that audiences name by default.
pub const WORKSPACE: &str = "default";

/// What one test has for itself.
pub struct World {
    pub namespace: String,
    pub objects: Objects,
    pub simulator: RefCell<Simulator>,
}

impl World {
    /// A new namespace and simulator; nothing else is there yet.
    pub fn new() -> Self {
        let key = numbered("key-of-the-simulator");
        Self::with_key(&key)
    }

    /// The same, with a key for the simulator.
    pub fn with_key(key: &str) -> Self {
        let thread = std::thread::current();
        let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or("test").replace('_', "-");
        let namespace = numbered(test.get(..40).unwrap_or(&test).trim_end_matches('-'));
        let body = Namespace { metadata: named(&namespace), ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(cluster().client.clone());
        RUNTIME.block_on(namespaces.create(&Default::default(), &body)).expect("a name that is new");
        let objects = Objects { namespace: namespace.clone() };
        grant_lease(&objects);
        let simulator = RefCell::new(Simulator::start(&namespace, key));
        Self { namespace, objects, simulator }
    }

    /// An operator for this namespace, yet to be started.
    pub fn operator(&self) -> Launch<'static> {
        let simulator = self.simulator.borrow();
        Launch::new(&self.namespace, &simulator.url(), simulator.address())
    }

    /// The Secret with the simulator's key, and the workspace.
    pub fn connect(&self) {
        self.connect_with(json!({}));
    }

    /// The same, with more in the workspace's spec. The pace is one that no test notices.
    pub fn connect_with(&self, spec: Value) {
        let key = self.simulator.borrow().key().to_owned();
        self.secret("propensity", &key);
        self.workspace(spec);
    }

    /// The Secret with the simulator's key and the URLs of its reports, and the workspace.
    pub fn connect_reports(&self, spec: Value) {
        self.report_secret();
        self.workspace(spec);
    }

    /// The Secret with the simulator's key and the present URLs of its reports.
    pub fn report_secret(&self) {
        let simulator = self.simulator.borrow();
        let mut entries = simulator.report_urls();
        entries.insert("workspace_api_key".to_owned(), simulator.key().into());
        self.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    }

    /// A report, with more in its spec than its name in the Secret.
    pub fn report(&self, name: &str, report: &str, spec: Value) {
        let mut whole = json!({"report": report});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Report, name, json!({"spec": whole}));
    }

    /// A Secret with a key.
    pub fn secret(&self, name: &str, key: &str) {
        self.apply(Kind::Secret, name, json!({"stringData": {"workspace_api_key": key}}));
    }

    /// The workspace, with more in its spec.
    pub fn workspace(&self, spec: Value) {
        let mut whole = json!({
            "workspaceID": self.namespace,
            "rateLimit": {"requestsPerMinute": 100_000, "burst": 1000},
            "dailyCreateBudget": 10_000,
        });
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Workspace, WORKSPACE, json!({"spec": whole}));
    }

    /// An audience of accounts by their websites.
    pub fn accounts(&self, name: &str, websites: &[&str]) {
        self.accounts_with(name, websites, json!({}));
    }

    /// The same, with more in its spec.
    pub fn accounts_with(&self, name: &str, websites: &[&str], spec: Value) {
        let mut whole = json!({"accounts": websites.iter().map(|w| json!({"website": w})).collect::<Vec<_>>()});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        self.apply(Kind::Accounts, name, json!({"spec": whole}));
    }

    /// An audience of contacts.
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

    /// Waits until `Ready` has this reason at the spec's present generation.
    #[track_caller]
    pub fn settled(&self, kind: Kind, name: &str, wanted: &str) -> Value {
        self.says(kind, name, wanted, "")
    }

    /// Waits until the present generation is an audience in the workspace, by a request or by the ledger.
    #[track_caller]
    pub fn ready(&self, kind: Kind, name: &str) -> Value {
        eventually(&format!("{kind:?} {name} is ready"), || {
            let object = self.get(kind, name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let ready = current && matches!(reason(&object), "Created" | "AlreadyCreated");
            ensure(ready, || format!("it is {:?}, seen at the present generation: {current}", reason(&object)))?;
            Ok::<_, String>(object)
        })
    }

    /// Waits until `Ready` has this reason and its message holds this text.
    #[track_caller]
    pub fn says(&self, kind: Kind, name: &str, wanted: &str, text: &str) -> Value {
        eventually(&format!("{kind:?} {name} is {wanted} and says {text:?}"), || {
            let object = self.get(kind, name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            ensure(current && reason(&object) == wanted && message(&object).contains(text), || {
                format!("it is {:?}, seen at the present generation: {current}: {}", reason(&object), message(&object))
            })?;
            Ok::<_, String>(object)
        })
    }

    /// Waits until a condition of the workspace is true.
    #[track_caller]
    pub fn workspace_has(&self, type_: &str) -> Value {
        eventually(&format!("the workspace has {type_}"), || {
            let workspace = self.get(Kind::Workspace, WORKSPACE);
            let found = condition(&workspace, type_).filter(|c| c["status"] == "True").cloned();
            found.ok_or_else(|| workspace["status"].to_string())
        })
    }

    /// Receipts of audiences, without the anchor.
    pub fn receipts(&self) -> Vec<Value> {
        let mut receipts = self.objects.list(Kind::Receipt);
        receipts.retain(|receipt| receipt["identity"]["kind"] != "Anchor");
        receipts
    }

    /// The only receipt of an audience that there is.
    #[track_caller]
    pub fn receipt(&self) -> Value {
        let mut receipts = self.receipts();
        assert_eq!(receipts.len(), 1, "one receipt: {receipts:?}");
        receipts.remove(0)
    }

    /// Waits until the only receipt has this state.
    #[track_caller]
    pub fn receipt_is(&self, state: &str) -> Value {
        eventually(&format!("the receipt is {state}"), || {
            let receipts = self.receipts();
            let found = receipts.iter().find(|r| r["record"]["state"] == state).cloned();
            found.ok_or_else(|| Value::from(receipts).to_string())
        })
    }

    /// Reasons and notes of the events about an object.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let events = self.objects.list(Kind::Event);
        let about = events.iter().filter(|event| event["regarding"]["name"] == name);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        about.map(|event| (text(&event["reason"]), text(&event["note"]))).collect()
    }

    /// Waits for an event about an object and gives its note.
    #[track_caller]
    pub fn event(&self, name: &str, reason: &str) -> String {
        eventually(&format!("an event {reason} about {name}"), || {
            let events = self.events(name);
            let found = events.iter().find(|(of, _)| of == reason).map(|(_, note)| note.clone());
            found.ok_or_else(|| format!("{events:?}"))
        })
    }

    /// Checks how many requests came and how many audiences are stored, none of them twice.
    #[track_caller]
    pub fn sent(&self, requests: usize, stored: usize) {
        let simulator = self.simulator.borrow();
        let came = simulator.requests();
        assert_eq!(came.len(), requests, "requests: {came:#?}");
        assert_eq!(simulator.audiences().len(), stored, "audiences stored, of these requests: {came:#?}");
        assert_eq!(simulator.duplicates(), 0, "duplicates");
    }

    /// What a user does: kubectl in this namespace.
    pub fn kubectl(&self, args: &[&str]) -> Said {
        self.kubectl_with(args, "")
    }

    /// The same, with something on stdin.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> Said {
        let mut command = cluster().program("kubectl");
        command.args(["--namespace", &self.namespace]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl is there");
        let written = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
        let said = Said::of(&child.wait_with_output().expect("it ends"));
        // A command that doesn't read its stdin may have ended already.
        assert!(written.is_ok() || input.is_empty(), "kubectl didn't read: {}", said.text);
        said
    }

    /// A command as a message of the operator gives it, in a shell of an admin.
    #[track_caller]
    pub fn run(&self, command: &str) -> Said {
        let path = std::env::join_paths([cluster().bin.clone(), "/usr/bin".into(), "/bin".into()]).expect("folders");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", command]).env("PATH", path).env("KUBECONFIG", &cluster().kubeconfig).env("HOME", &*RUN);
        Said::of(&shell.stdin(Stdio::null()).output().expect("there is a shell"))
    }

    /// All that can be known of a failure.
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
                text += &format!("──── the end of {}\n{}\n", entry.path().display(), tail(&content, 40));
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

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub ok: bool,
    /// Its stdout and then its stderr.
    pub text: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        Self { ok: output.status.success(), text }
    }

    /// What it said, if it succeeded.
    #[track_caller]
    pub fn fine(self) -> String {
        assert!(self.ok, "it failed: {}", self.text);
        self.text
    }

    /// What it said, if it failed.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(!self.ok, "it should have failed: {}", self.text);
        self.text
    }
}

fn named(name: &str) -> kube::api::ObjectMeta {
    kube::api::ObjectMeta { name: Some(name.to_owned()), ..Default::default() }
}

/// Lets the operator hold its lease in this namespace, by a copy of what the chart grants in the release's own: operators of
/// several tests don't compete, and the chart's rules are still what is tried.
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
