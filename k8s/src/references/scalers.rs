//! What scalers name: a workload that leaves its replicas to them, one scaler each, and what they ask.

use std::collections::BTreeMap;

use super::has_secret;
use crate::manifest::{Manifest, Object};
use crate::secrets::Secrets;

pub(super) fn problems(manifest: &Manifest, given: &Secrets) -> Vec<String> {
    let mut problems = Vec::new();
    let mut scaled: BTreeMap<String, String> = BTreeMap::new();
    for object in &manifest.objects {
        if !matches!(object.kind(), "HorizontalPodAutoscaler" | "ScaledObject") {
            continue;
        }
        let called = object.called();
        let target = object.text("/spec/scaleTargetRef/name");
        let kind = match object.text("/spec/scaleTargetRef/kind") {
            "" => "Deployment",
            kind => kind,
        };
        match manifest.get(kind, target) {
            None => problems.push(format!("{called}: there is no {kind} {target}")),
            Some(workload) if !workload.at("/spec/replicas").is_null() => {
                problems.push(format!("{called}: {kind} {target} has replicas of its own"))
            }
            // Its Rollout has the pods then, and two would fight over them.
            Some(_) if kind == "Deployment" && manifest.get("Rollout", target).is_some() => {
                problems.push(format!("{called}: Rollout {target} is not scaled"));
            }
            Some(_) => {}
        }
        if let Some(other) = scaled.insert(target.to_owned(), called.clone()) {
            problems.push(format!("{called}: {other} scales Deployment {target} too"));
        }
        let asked = of_triggers(manifest, object);
        problems.extend(asked.into_iter().map(|what| format!("{called}: {what}")));
    }
    for object in manifest.of_kind("TriggerAuthentication") {
        for from in object.list("/spec/secretTargetRef") {
            let name = from["name"].as_str().unwrap_or_default();
            let key = from["key"].as_str().unwrap_or_default();
            if !has_secret(manifest, given, name, key) {
                let called = object.called();
                problems.push(format!(
                    "{called}: nobody brings key {key} of Secret {name}"
                ));
            }
        }
    }
    problems
}

fn of_triggers(manifest: &Manifest, object: &Object) -> Vec<String> {
    let mut problems = Vec::new();
    let target = object.text("/spec/scaleTargetRef/name");
    for trigger in object.list("/spec/triggers") {
        let access = trigger["authenticationRef"]["name"].as_str();
        if access.is_some_and(|name| manifest.get("TriggerAuthentication", name).is_none()) {
            problems.push(format!("there is no TriggerAuthentication {access:?}"));
        }
        let text = |field: &str| trigger["metadata"][field].as_str().unwrap_or_default();
        // Asked from another namespace: by the whole name.
        let within = format!(".{}.svc", manifest.namespace());
        if !text("host").is_empty() && !text("host").contains(&within) {
            problems.push(format!("{} is not in {within}", text("host")));
        }
        for field in ["queueName", "query"] {
            if !text(field).is_empty() && !text(field).contains(target) {
                problems.push(format!("{field} does not name the pool {target}"));
            }
        }
    }
    problems
}
