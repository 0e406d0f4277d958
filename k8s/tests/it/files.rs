//! The files of `k8s/`, and Kustomize where it is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use impresario_k8s::manifest::Manifest;
use impresario_k8s::secrets::{self, Secrets};

/// What is rendered and committed.
pub(crate) const OVERLAYS: [&str; 3] = ["dev", "staging", "prod"];

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The committed rendering of an overlay.
pub(crate) fn overlay(name: &str) -> Manifest {
    Manifest::parse(&read(format!("rendered/{name}.yaml"))).unwrap()
}

/// The names of the combinations that have to compose.
pub(crate) fn combinations() -> Vec<String> {
    let entries = fs::read_dir(folder().join("combinations")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".md")).collect();
    names.sort();
    names
}

/// What Kustomize makes of a folder, made once; nothing where there is no `kubectl` that knows components.
pub(crate) fn kustomize(path: &str) -> Option<String> {
    static MADE: Mutex<BTreeMap<String, Option<String>>> = Mutex::new(BTreeMap::new());
    // A test that failed while it held this has told why.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(path.to_owned())
        .or_insert_with(|| make(path))
        .clone()
}

fn make(path: &str) -> Option<String> {
    let ran = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder().join(path))
        .output();
    let Ok(ran) = ran else {
        eprintln!("SKIPPED: no kubectl");
        return None;
    };
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if said.contains("unknown field \"components\"") {
        eprintln!("SKIPPED: this kubectl is too old");
        return None;
    }
    assert!(ran.status.success(), "{path}: {said}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

/// Everything that there is to judge here: overlays, and combinations where they can be rendered.
pub(crate) fn manifests() -> Vec<(String, Manifest)> {
    let mut all: Vec<_> = OVERLAYS
        .iter()
        .map(|name| ((*name).to_owned(), overlay(name)))
        .collect();
    for name in combinations() {
        if let Some(text) = kustomize(&format!("combinations/{name}")) {
            all.push((name, Manifest::parse(&text).unwrap()));
        }
    }
    all
}

/// The secrets of `secrets.txt`.
pub(crate) fn listed_secrets() -> Secrets {
    secrets::parse(&read("secrets.txt"))
}
