//! Whoever selects pods selects some: Services, budgets, spread, network policies, monitors; and role bindings.

use serde_json::Value;

use crate::manifest::{Labels, Manifest, Object, Workload, items, labels, selects};

pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    let workloads = manifest.workloads();
    let mut problems = Vec::new();
    for object in &manifest.objects {
        let found = match object.kind() {
            "Service" => of_service(object, &workloads),
            "PodDisruptionBudget" => of_budget(object, &workloads),
            "NetworkPolicy" => of_policy(object, &workloads),
            "ServiceMonitor" => of_service_monitor(manifest, object),
            "PodMonitor" => of_pod_monitor(object, &workloads),
            "RoleBinding" => of_binding(manifest, object),
            "Deployment" | "StatefulSet" => of_workload(object),
            _ => Vec::new(),
        };
        let called = object.called();
        problems.extend(found.into_iter().map(|what| format!("{called}: {what}")));
    }
    problems
}

/// The workloads whose pods have all these labels.
fn labelled<'a, 'b>(
    wanted: &'a Labels,
    workloads: &'a [Workload<'b>],
) -> impl Iterator<Item = &'a Workload<'b>> {
    workloads.iter().filter(move |workload| {
        let mut wanted = wanted.iter();
        wanted.all(|(key, value)| workload.labels.get(key) == Some(value))
    })
}

fn of_service(object: &Object, workloads: &[Workload]) -> Vec<String> {
    let wanted = labels(object.at("/spec/selector"));
    let found: Vec<_> = labelled(&wanted, workloads).collect();
    let [workload] = found.as_slice() else {
        return vec![format!("selects {} workloads, not one", found.len())];
    };
    let ports = object.list("/spec/ports").iter();
    let targets = ports.filter_map(|port| port["targetPort"].as_str());
    targets
        .filter(|target| !workload.ports.contains_key(*target))
        .map(|target| format!("no port of {} is called {target}", workload.name()))
        .collect()
}

fn of_budget(object: &Object, workloads: &[Workload]) -> Vec<String> {
    let selector = object.at("/spec/selector");
    let found = workloads
        .iter()
        .filter(|one| selects(selector, &one.labels));
    match found.count() {
        1 => Vec::new(),
        other => vec![format!("selects {other} workloads, not one")],
    }
}

fn of_policy(object: &Object, workloads: &[Workload]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut selectors = vec![object.at("/spec/podSelector")];
    let rules = object
        .list("/spec/ingress")
        .iter()
        .map(|rule| &rule["from"]);
    let rules = rules.chain(object.list("/spec/egress").iter().map(|rule| &rule["to"]));
    for peer in rules.flat_map(items) {
        // With a namespace beside it the pods are somebody else's.
        if peer["namespaceSelector"].is_null() && !peer["podSelector"].is_null() {
            selectors.push(&peer["podSelector"]);
        }
    }
    for selector in selectors {
        if !workloads.iter().any(|one| selects(selector, &one.labels)) {
            problems.push(format!("{selector} selects nothing"));
        }
    }
    problems
}

fn of_service_monitor(manifest: &Manifest, object: &Object) -> Vec<String> {
    let selector = object.at("/spec/selector");
    let services: Vec<_> = manifest
        .of_kind("Service")
        .filter(|service| selects(selector, &labels(service.at("/metadata/labels"))))
        .collect();
    let mut problems = Vec::new();
    if services.is_empty() {
        problems.push("selects no Service".to_owned());
    }
    for endpoint in object.list("/spec/endpoints") {
        let has = |service: &&Object| {
            let mut ports = service.list("/spec/ports").iter();
            ports.any(|port| port["name"] == endpoint["port"])
        };
        if !services.iter().all(has) {
            problems.push(format!(
                "no port of its Service is called {}",
                endpoint["port"]
            ));
        }
    }
    problems
}

fn of_pod_monitor(object: &Object, workloads: &[Workload]) -> Vec<String> {
    let selector = object.at("/spec/selector");
    let found: Vec<_> = workloads
        .iter()
        .filter(|one| selects(selector, &one.labels))
        .collect();
    let mut problems = Vec::new();
    if found.is_empty() {
        problems.push("selects nothing".to_owned());
    }
    for endpoint in object.list("/spec/podMetricsEndpoints") {
        let port = endpoint["port"].as_str().unwrap_or_default();
        for workload in found.iter().filter(|one| !one.ports.contains_key(port)) {
            problems.push(format!("no port of {} is called {port}", workload.name()));
        }
    }
    problems
}

fn of_binding(manifest: &Manifest, object: &Object) -> Vec<String> {
    let (kind, name) = (object.text("/roleRef/kind"), object.text("/roleRef/name"));
    match manifest.get(kind, name) {
        Some(_) => Vec::new(),
        None => vec![format!("there is no {kind} {name}")],
    }
}

/// Its selector, and what it spreads, are its own pods.
fn of_workload(object: &Object) -> Vec<String> {
    let own = labels(object.at("/spec/template/metadata/labels"));
    let spread = object.list("/spec/template/spec/topologySpreadConstraints");
    let mut selectors: Vec<&Value> = spread.iter().map(|one| &one["labelSelector"]).collect();
    selectors.push(object.at("/spec/selector"));
    selectors
        .iter()
        .filter(|selector| labels(&selector["matchLabels"]).is_empty() || !selects(selector, &own))
        .map(|selector| format!("{selector} does not select its own pods"))
        .collect()
}
