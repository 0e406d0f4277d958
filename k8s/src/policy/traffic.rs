//! Who is let in, and who is let out.

use serde_json::json;

use crate::edges;
use crate::manifest::{Manifest, selects};
use crate::references;

/// What customers may reach until there is sign-in.
const OPEN: [&str; 2] = ["/v1/bookings", "/v1/events"];

/// Everything is denied, in both directions; each workload has a policy of its own; no edge has only one end; and no
/// Service has a door of its own.
pub(super) fn denied(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    let all = manifest.of_kind("NetworkPolicy").any(|policy| {
        policy.at("/spec/podSelector") == &json!({})
            && policy.at("/spec/policyTypes") == &json!(["Ingress", "Egress"])
            && policy.at("/spec/ingress").is_null()
            && policy.at("/spec/egress").is_null()
    });
    if !all {
        problems.push("nothing is denied to begin with".to_owned());
    }
    for workload in manifest.workloads() {
        let mut own = manifest
            .of_kind("NetworkPolicy")
            .filter(|policy| policy.at("/spec/podSelector") != &json!({}));
        if !own.any(|policy| selects(policy.at("/spec/podSelector"), &workload.labels)) {
            problems.push(format!(
                "{}: no policy is about it",
                workload.object.called()
            ));
        }
    }
    problems.extend(edges::allowed(manifest).1);
    for service in manifest.of_kind("Service") {
        if !matches!(service.text("/spec/type"), "" | "ClusterIP") {
            problems.push(format!("{}: has a door of its own", service.called()));
        }
    }
    problems
}

/// By any edge there is, and with TLS.
pub(super) fn edge(manifest: &Manifest) -> Vec<String> {
    let paths = references::paths(manifest).into_iter();
    let mut problems: Vec<String> = paths
        .filter(|path| !OPEN.contains(&path.as_str()))
        .map(|path| format!("{path} is open to everybody"))
        .collect();
    for ingress in manifest.of_kind("Ingress") {
        if ingress.list("/spec/tls").is_empty() {
            problems.push(format!("{}: without TLS", ingress.called()));
        }
    }
    for gateway in manifest.of_kind("Gateway") {
        for listener in gateway.list("/spec/listeners") {
            if listener["protocol"] != "HTTPS" {
                problems.push(format!("{}: without TLS", gateway.called()));
            }
        }
    }
    problems
}
