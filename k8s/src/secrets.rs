//! The secrets that the platform reads, as `k8s/secrets.txt` lists them: a name, its keys, and who makes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Manifest, items};

/// Secrets by name, with their keys.
pub type Secrets = BTreeMap<String, BTreeSet<String>>;

/// Reads the list: a secret's name and its keys, a line each; `#` begins a remark.
pub fn parse(text: &str) -> Secrets {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.collect()))
        })
        .collect()
}

/// The secrets that a manifest's own objects bring about: from a store outside, or made by an operator.
pub fn brought(manifest: &Manifest) -> Secrets {
    let mut secrets = Secrets::new();
    for object in manifest.of_kind("ExternalSecret") {
        let data = object.list("/spec/data").iter();
        let keys = data.filter_map(|entry| entry["secretKey"].as_str());
        let name = object.text("/spec/target/name").to_owned();
        secrets.insert(name, keys.map(str::to_owned).collect());
    }
    for object in manifest.of_kind("Cluster") {
        let name = format!("{}-app", object.name());
        secrets.insert(
            name,
            keys(&["username", "password", "uri", "host", "dbname"]),
        );
    }
    for object in manifest.of_kind("RabbitmqCluster") {
        let name = format!("{}-default-user", object.name());
        secrets.insert(name, keys(&["username", "password", "host", "port"]));
    }
    secrets
}

/// Every secret that a manifest reads, with the keys that it wants.
pub fn read(manifest: &Manifest) -> Secrets {
    let mut secrets = Secrets::new();
    let mut wants = |name: Option<&str>, key: Option<&str>| {
        if let (Some(name), Some(key)) = (name, key) {
            let keys = secrets.entry(name.to_owned()).or_default();
            keys.insert(key.to_owned());
        }
    };
    for workload in manifest.workloads() {
        for container in workload.containers() {
            for variable in items(&container["env"]) {
                let from = &variable["valueFrom"]["secretKeyRef"];
                wants(from["name"].as_str(), from["key"].as_str());
            }
        }
    }
    for object in manifest.of_kind("TriggerAuthentication") {
        for from in object.list("/spec/secretTargetRef") {
            wants(from["name"].as_str(), from["key"].as_str());
        }
    }
    secrets
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
