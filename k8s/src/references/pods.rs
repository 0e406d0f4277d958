//! What pods name: configuration, secrets, volumes, ports, accounts, priorities, variables, and each other.

use std::collections::BTreeSet;

use serde_json::Value;

use super::has_secret;
use crate::manifest::{Manifest, Workload, items, labels};
use crate::secrets::Secrets;

pub(super) fn problems(manifest: &Manifest, given: &Secrets) -> Vec<String> {
    let mut problems = Vec::new();
    for workload in manifest.workloads().iter().filter(|one| one.is_ours) {
        let mut found = of_pod(manifest, workload);
        for container in workload.containers() {
            found.extend(of_container(manifest, given, workload, container));
        }
        let called = workload.object.called();
        problems.extend(found.into_iter().map(|what| format!("{called}: {what}")));
    }
    problems
}

fn of_pod(manifest: &Manifest, workload: &Workload) -> Vec<String> {
    let mut problems = Vec::new();
    let pod = workload.pod();
    for (kind, field) in [
        ("ServiceAccount", "serviceAccountName"),
        ("PriorityClass", "priorityClassName"),
    ] {
        let name = pod[field].as_str().unwrap_or_default();
        if manifest.get(kind, name).is_none() {
            problems.push(format!("there is no {kind} {name}"));
        }
    }
    if workload.object.kind() == "StatefulSet" {
        let name = workload.object.text("/spec/serviceName");
        if manifest.get("Service", name).is_none() {
            problems.push(format!("there is no Service {name}"));
        }
    }
    for volume in items(&pod["volumes"]) {
        let name = volume["configMap"]["name"].as_str();
        if name.is_some_and(|name| manifest.get("ConfigMap", name).is_none()) {
            problems.push(format!(
                "there is no ConfigMap of volume {}",
                volume["name"]
            ));
        }
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
        if claim.is_some_and(|claim| !is_claimed(manifest, claim)) {
            problems.push(format!("nobody claims volume {}", volume["name"]));
        }
    }
    problems
}

/// A StatefulSet makes a claim for each of its templates and replicas: `template-set-0`.
fn is_claimed(manifest: &Manifest, claim: &str) -> bool {
    manifest.of_kind("StatefulSet").any(|set| {
        let mut templates = set.list("/spec/volumeClaimTemplates").iter();
        templates.any(|template| {
            let template = template["metadata"]["name"].as_str().unwrap_or_default();
            let ordinal = claim.strip_prefix(&format!("{template}-{}-", set.name()));
            let replicas = set.at("/spec/replicas").as_u64().unwrap_or(1);
            ordinal
                .and_then(|ordinal| ordinal.parse::<u64>().ok())
                .is_some_and(|ordinal| ordinal < replicas)
        })
    })
}

fn of_container(
    manifest: &Manifest,
    given: &Secrets,
    workload: &Workload,
    container: &Value,
) -> Vec<String> {
    let mut problems = Vec::new();
    for from in items(&container["envFrom"]) {
        let name = from["configMapRef"]["name"].as_str().unwrap_or_default();
        if manifest.get("ConfigMap", name).is_none() {
            problems.push(format!("there is no ConfigMap {name}"));
        }
    }
    problems.extend(of_variables(manifest, given, container));
    problems.extend(of_mounts(manifest, workload, container));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let probe = &container[probe];
        for port in [&probe["httpGet"]["port"], &probe["tcpSocket"]["port"]] {
            let known = items(&container["ports"])
                .iter()
                .any(|own| own["name"] == *port);
            if !port.is_null() && !known {
                problems.push(format!("no container port is called {port}"));
            }
        }
    }
    problems
}

/// `$(NAME)` is only replaced when NAME stands before it; hosts that we name are Services of ours.
fn of_variables(manifest: &Manifest, given: &Secrets, container: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut before = BTreeSet::new();
    for variable in items(&container["env"]) {
        let name = variable["name"].as_str().unwrap_or_default();
        let from = &variable["valueFrom"]["secretKeyRef"];
        if let (Some(secret), Some(key)) = (from["name"].as_str(), from["key"].as_str())
            && !has_secret(manifest, given, secret, key)
        {
            problems.push(format!(
                "{name}: nobody brings key {key} of Secret {secret}"
            ));
        }
        let value = variable["value"].as_str().unwrap_or_default();
        for part in value.split("$(").skip(1) {
            let used = part.split(')').next().unwrap_or_default();
            if !before.contains(used) {
                problems.push(format!("{name}: {used} is not set before it"));
            }
        }
        problems.extend(of_addresses(manifest, name, value));
        before.insert(name);
    }
    for from in items(&container["envFrom"]) {
        let name = from["configMapRef"]["name"].as_str().unwrap_or_default();
        let data = manifest.get("ConfigMap", name);
        for (name, value) in data.map(|map| labels(map.at("/data"))).unwrap_or_default() {
            problems.extend(of_addresses(manifest, &name, &value));
        }
    }
    problems
}

/// Of one URL, or of several with commas between them.
fn of_addresses(manifest: &Manifest, name: &str, value: &str) -> Vec<String> {
    let each = value.split(',');
    each.filter_map(|url| of_address(manifest, name, url))
        .collect()
}

/// An URL whose host has no dot is inside, and so is a member of a StatefulSet (`redis-0.redis-nodes`): the Service is
/// there, and has that port.
fn of_address(manifest: &Manifest, name: &str, value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let (_, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = address.split_once(':')?;
    let member = member(host);
    let host = member.map_or(host, |(_, _, service)| service);
    if host.contains('.') || is_operators(manifest, host) {
        return None;
    }
    let Some(service) = manifest.get("Service", host) else {
        return Some(format!("{name}: there is no Service {host}"));
    };
    if let Some((set, number, _)) = member.filter(|one| !is_there(manifest, *one)) {
        return Some(format!("{name}: {host} has no member {set}-{number}"));
    }
    let mut ports = service.list("/spec/ports").iter();
    let known = ports.any(|one| one["port"].as_i64() == port.parse().ok());
    (!known).then(|| format!("{name}: Service {host} has no port {port}"))
}

/// The set, the number and the Service of a member's name; other people's namespaces have no such names.
fn member(host: &str) -> Option<(&str, i64, &str)> {
    let (pod, service) = host.split_once('.')?;
    let (set, number) = pod.rsplit_once('-')?;
    Some((set, number.parse().ok()?, service))
}

/// Whether the StatefulSet that the Service gives names to has as many replicas.
fn is_there(manifest: &Manifest, (set, number, service): (&str, i64, &str)) -> bool {
    manifest.get("StatefulSet", set).is_some_and(|set| {
        let replicas = set.at("/spec/replicas").as_i64().unwrap_or(1);
        set.text("/spec/serviceName") == service && number < replicas
    })
}

/// Services that operators make for their clusters.
fn is_operators(manifest: &Manifest, host: &str) -> bool {
    manifest.get("RabbitmqCluster", host).is_some()
        || host
            .strip_suffix("-kafka-bootstrap")
            .is_some_and(|name| manifest.get("Kafka", name).is_some())
        || host
            .strip_suffix("-rw")
            .is_some_and(|name| manifest.get("Cluster", name).is_some())
}

fn of_mounts(manifest: &Manifest, workload: &Workload, container: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let volumes = items(&workload.pod()["volumes"]);
    let claims = workload.object.list("/spec/volumeClaimTemplates");
    for mount in items(&container["volumeMounts"]) {
        let name = &mount["name"];
        let volume = volumes.iter().find(|volume| volume["name"] == *name);
        let claimed = claims
            .iter()
            .any(|claim| claim["metadata"]["name"] == *name);
        if volume.is_none() && !claimed {
            problems.push(format!("there is no volume {name}"));
        }
        let Some(path) = mount["subPath"].as_str() else {
            continue;
        };
        let map = volume.and_then(|volume| volume["configMap"]["name"].as_str());
        let map = map.and_then(|name| manifest.get("ConfigMap", name));
        if map.is_none_or(|map| map.value["data"][path].is_null()) {
            problems.push(format!("volume {name} has no file {path}"));
        }
    }
    problems
}
