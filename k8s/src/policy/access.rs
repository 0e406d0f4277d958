//! What people may, and what nobody finds in git.

use serde_json::Value;

use crate::manifest::{Manifest, items};

/// No wildcards, no secrets, no shells, nothing outside the namespace; and no workload has a role.
pub(super) fn roles(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for object in &manifest.objects {
        match object.kind() {
            "ClusterRole" | "ClusterRoleBinding" => {
                problems.push(format!("{}: reaches the whole cluster", object.called()));
            }
            "Role" => {
                let mut words = object.list("/rules").iter().flat_map(|rule| {
                    let parts = ["apiGroups", "resources", "verbs"];
                    parts.into_iter().flat_map(|part| items(&rule[part]))
                });
                let forbidden = [
                    "*",
                    "secrets",
                    "pods/exec",
                    "pods/attach",
                    "escalate",
                    "bind",
                    "impersonate",
                ];
                if let Some(word) = words.find(|word| forbidden.iter().any(|one| *word == one)) {
                    problems.push(format!("{}: grants {word}", object.called()));
                }
            }
            "RoleBinding" => {
                let mut subjects = object.list("/subjects").iter();
                if subjects.any(|subject| subject["kind"] == "ServiceAccount") {
                    problems.push(format!("{}: for a workload", object.called()));
                }
            }
            _ => {}
        }
    }
    problems
}

/// Neither as an object nor as a variable in plain sight.
pub(super) fn secrets(manifest: &Manifest) -> Vec<String> {
    let objects = manifest.of_kind("Secret");
    let mut problems: Vec<String> = objects.map(|object| object.called()).collect();
    for workload in manifest.workloads() {
        for variable in workload.containers().flat_map(|one| items(&one["env"])) {
            let name = variable["name"].as_str().unwrap_or_default();
            let is_secret = ["PASSWORD", "SECRET", "COOKIE", "TOKEN"]
                .iter()
                .any(|part| name.contains(part));
            if is_secret && variable["value"] != Value::Null {
                problems.push(format!(
                    "{}: {name} in plain sight",
                    workload.object.called()
                ));
            }
        }
    }
    problems
}
