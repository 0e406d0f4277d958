//! What happens when pods come and go: evictions, spread, rollouts, drains, scaling.

use serde_json::{Value, json};

use crate::manifest::{Manifest, Workload, items, selects};

/// Seconds that a worker's tasks under way and its last answers get (`--grace` and three more), and an orchestrator's
/// answers and confirms.
const DRAIN: i64 = 23;

fn lasting<'a>(manifest: &'a Manifest) -> Vec<Workload<'a>> {
    let workloads = manifest.workloads().into_iter();
    workloads
        .filter(|one| one.is_ours && one.is_lasting())
        .collect()
}

/// A budget for each, which never blocks a node for ever.
pub(super) fn disruption(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for workload in lasting(manifest) {
        let mut budgets = manifest.of_kind("PodDisruptionBudget");
        let budget = budgets.find(|one| selects(one.at("/spec/selector"), &workload.labels));
        let fine = budget.is_some_and(|budget| {
            budget.at("/spec/maxUnavailable") == &json!(1)
                && budget.text("/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow"
        });
        if !fine {
            problems.push(format!("{}: no budget of one", workload.object.called()));
        }
    }
    problems
}

/// Whoever may have several replicas has them on several nodes and in several zones.
pub(super) fn spread(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for workload in lasting(manifest) {
        if workload.object.at("/spec/replicas") == &json!(1) && workload.name() != "orchestrator" {
            continue;
        }
        let constraints = items(&workload.pod()["topologySpreadConstraints"]);
        for key in ["kubernetes.io/hostname", "topology.kubernetes.io/zone"] {
            if !constraints.iter().any(|one| one["topologyKey"] == key) {
                problems.push(format!("{}: not over {key}", workload.object.called()));
            }
        }
    }
    problems
}

/// A new replica is ready, and stays so for a moment, before an old one goes.
pub(super) fn rollout(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for workload in lasting(manifest) {
        let object = workload.object;
        if object.kind() != "Deployment" {
            continue;
        }
        let fine = object.at("/spec/strategy/rollingUpdate/maxUnavailable") == &json!(0)
            && object.at("/spec/minReadySeconds").as_i64().unwrap_or(0) > 0
            && object
                .at("/spec/revisionHistoryLimit")
                .as_i64()
                .unwrap_or(0)
                > 0
            && !object.at("/spec/progressDeadlineSeconds").is_null();
        if !fine {
            problems.push(format!("{}: rolls carelessly", object.called()));
        }
    }
    problems
}

/// The grace period holds what the role needs after SIGTERM; who has customers waits until they have gone elsewhere.
pub(super) fn drain(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for workload in lasting(manifest) {
        let pod = workload.pod();
        let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap_or(0);
        let container = &pod["containers"][0];
        let first = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_i64();
        if grace < DRAIN + first.unwrap_or(0) {
            problems.push(format!(
                "{}: {grace} s are too few",
                workload.object.called()
            ));
        }
        let serves = workload.object.kind() == "Deployment"
            && manifest.get("Service", workload.name()).is_some();
        if serves && first.is_none() {
            problems.push(format!(
                "{}: stops while it is called",
                workload.object.called()
            ));
        }
    }
    problems
}

/// Twice as many within half a minute; a tenth fewer a minute, after five minutes of calm.
pub(super) fn scaling(manifest: &Manifest) -> Vec<String> {
    let up = json!({ "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
        "policies": [{ "type": "Percent", "value": 100, "periodSeconds": 30 }] });
    let down = json!({ "stabilizationWindowSeconds": 300, "selectPolicy": "Max",
        "policies": [{ "type": "Percent", "value": 10, "periodSeconds": 60 }] });
    let mut problems = Vec::new();
    for object in &manifest.objects {
        let (behaviour, bounds) = match object.kind() {
            "HorizontalPodAutoscaler" => {
                ("/spec/behavior", ["/spec/minReplicas", "/spec/maxReplicas"])
            }
            "ScaledObject" => (
                "/spec/advanced/horizontalPodAutoscalerConfig/behavior",
                ["/spec/minReplicaCount", "/spec/maxReplicaCount"],
            ),
            _ => continue,
        };
        if object.at(behaviour) != &json!({ "scaleUp": up, "scaleDown": down }) {
            problems.push(format!("{}: behaves otherwise", object.called()));
        }
        let [least, most] = bounds.map(|bound| object.at(bound).as_i64().unwrap_or(0));
        if least < 1 || most <= least {
            problems.push(format!("{}: from {least} to {most}", object.called()));
        }
        if shares(&object.value) != [70, 85] {
            problems.push(format!("{}: not at 70 % and 85 %", object.called()));
        }
    }
    problems
}

/// The targets of processor and memory.
fn shares(object: &Value) -> [i64; 2] {
    ["cpu", "memory"].map(|name| {
        let metrics = items(&object["spec"]["metrics"]).iter();
        let resource = metrics
            .map(|metric| &metric["resource"])
            .find(|one| one["name"] == name);
        let of_metric = resource.and_then(|one| one["target"]["averageUtilization"].as_i64());
        let mut triggers = items(&object["spec"]["triggers"]).iter();
        let trigger = triggers.find(|one| one["type"] == name);
        let of_trigger = trigger.and_then(|one| one["metadata"]["value"].as_str()?.parse().ok());
        of_metric.or(of_trigger).unwrap_or(0)
    })
}
