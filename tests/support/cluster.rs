//! One real control plane for all tests of the run, with the chart installed by Helm. The operator uses the kubeconfig
//! of the chart's ServiceAccount, so in these tests it has exactly the permissions that the chart grants.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::programs::{BIN, ChildProcess, RUN, root};

/// The namespace of the Helm release, and the name of the release and of most of its objects.
pub const SYSTEM: &str = "propensity-system";
pub const RELEASE: &str = "propensity-operator";

/// Runs the tests' own Kubernetes client; the tests themselves are plain threads.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);

/// The control plane. The first call starts it.
pub fn cluster() -> &'static Cluster {
    &CLUSTER
}

/// A control plane.
pub struct Cluster {
    pub client: Client,
    pub kubeconfig: PathBuf,
    /// Has the token of the chart's ServiceAccount.
    pub operator_kubeconfig: PathBuf,
    pub audit_log: PathBuf,
    /// Contains its state, keys and logs.
    pub dir: PathBuf,
    /// Where etcd listens.
    pub etcd: SocketAddr,
    /// Contains kubectl and helm.
    pub bin: PathBuf,
    _process: Mutex<ChildProcess>,
}

impl Cluster {
    fn start() -> Self {
        let dir = RUN.join("cluster");
        let mut command = Command::new(BIN.join("cluster"));
        command.args(["up", "--hold", "stdin", "--dir"]).arg(&dir).current_dir(root());
        let process = ChildProcess::start(&mut command, Stdio::inherit());
        // The first start builds the control plane, which takes long.
        let line =
            process.line(Duration::from_mins(60)).expect("the control plane must start; the reason is printed above");
        let about: Value = serde_json::from_str(&line).expect("one line of JSON");
        let path = |field: &str| PathBuf::from(about[field].as_str().expect("a documented field"));
        let kubeconfig = path("kubeconfig");
        let client = RUNTIME.block_on(connect(&kubeconfig));
        let cluster = Self {
            client,
            operator_kubeconfig: RUN.join("operator.kubeconfig"),
            audit_log: path("auditLog"),
            bin: path("bin"),
            dir: path("dir"),
            etcd: about["etcd"]
                .as_str()
                .and_then(|url| url.strip_prefix("http://")?.parse().ok())
                .expect("a documented field"),
            kubeconfig,
            _process: Mutex::new(process),
        };
        cluster.install();
        cluster
    }

    fn install(&self) {
        self.install_chart(SYSTEM, &[]);
        self.write_kubeconfig(SYSTEM, &self.operator_kubeconfig);
    }

    /// Installs the chart with Helm, with additional values.
    pub fn install_chart(&self, namespace: &str, values: &[&str]) {
        let mut helm = self.program("helm");
        helm.args(["install", RELEASE, "charts/propensity-operator", "--namespace", namespace, "--create-namespace"])
            .args(["--set", "image.repository=registry.example/propensity-operator"])
            .args(values.iter().flat_map(|value| ["--set", value]))
            .current_dir(root());
        succeed("helm install", &mut helm);
    }

    /// Writes a kubeconfig with a token of the ServiceAccount that the chart created in a namespace.
    pub fn write_kubeconfig(&self, namespace: &str, path: &Path) {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(4 * 3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let token = RUNTIME.block_on(accounts.create_token_request(RELEASE, &PostParams::default(), &request));
        let token = token.expect("the chart creates a ServiceAccount").status.expect("a token").token;
        let admin = fs::read_to_string(&self.kubeconfig).expect("the cluster wrote it");
        let mut config: Value = serde_saphyr::from_str(&admin).expect("a kubeconfig is YAML");
        config["users"][0]["user"] = json!({"token": token});
        fs::write(path, config.to_string()).expect("the run's folder can be written");
    }

    /// A command for one of the cluster's programs, with admin permissions.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("KUBECONFIG", &self.kubeconfig).env("HOME", &*RUN).stdin(Stdio::null());
        command
    }
}

async fn connect(kubeconfig: &Path) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("a usable kubeconfig")).expect("a usable kubeconfig")
}

/// Runs a command that must succeed, and returns its stdout.
#[track_caller]
pub fn succeed(what: &str, command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it can be started");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{what} failed ({status}):\n{stdout}\n{stderr}");
    stdout.into_owned()
}
