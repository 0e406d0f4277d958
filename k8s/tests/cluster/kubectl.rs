//! `kubectl` against the control plane, and waiting for what it does.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// For what controllers do by themselves.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs it, with something on its standard input.
pub(crate) fn run(words: &[&str], input: &str) -> Output {
    let mut child = Command::new("kubectl")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Runs it; it has to succeed.
pub(crate) fn kubectl(words: &[&str]) -> String {
    let output = run(words, "");
    assert!(
        output.status.success(),
        "kubectl {}: {}",
        words.join(" "),
        said(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What an object is now.
pub(crate) fn get(namespace: &str, what: &str) -> Value {
    let text = kubectl(&["--namespace", namespace, "get", what, "--output", "json"]);
    serde_json::from_str(&text).unwrap()
}

/// Applies text as `deploy.sh` does.
pub(crate) fn apply(text: &str, more: &[&str]) -> Output {
    let words = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "--filename",
        "-",
    ];
    run(&[&words, more].concat(), text)
}

/// Applies text; it has to succeed.
pub(crate) fn applied(text: &str) {
    let output = apply(text, &[]);
    assert!(output.status.success(), "{}", said(&output));
}

/// Waits until something holds; `look` says what there is instead.
pub(crate) fn wait_until(what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(()) => return,
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(200)),
            Err(seen) => panic!("{what}: {seen}"),
        }
    }
}

/// What the overlays need of a cluster: the operators' kinds, the namespaces, and volumes to claim. Once.
pub(crate) fn prepared() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let crds = folder().join("schemas/crds");
        let output = run(&["apply", "--server-side", "--filename", crds.to_str().unwrap()], "");
        assert!(output.status.success(), "{}", said(&output));
        kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
        let class = json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": { "name": "local", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer" });
        applied(&class.to_string());
        for number in 0..16 {
            let volume = json!({ "apiVersion": "v1", "kind": "PersistentVolume",
                "metadata": { "name": format!("disk-{number}") },
                "spec": { "storageClassName": "local", "capacity": { "storage": "500Gi" },
                    "accessModes": ["ReadWriteOnce"], "hostPath": { "path": format!("/disk/{number}") } } });
            applied(&volume.to_string());
        }
    });
}

/// Renders a folder of `k8s`.
pub(crate) fn rendered(path: &str) -> String {
    kubectl(&["kustomize", folder().join(path).to_str().unwrap()])
}

/// `deploy.sh` with these words; its exit code and everything that it said.
pub(crate) fn deploy(words: &[&str]) -> (i32, String) {
    let output = Command::new(folder().join("deploy.sh"))
        .args(words)
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), said(&output))
}
