//! What databases, brokers and their backups name: a cluster, a store, each other.

use crate::manifest::{Manifest, Object};

pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for object in &manifest.objects {
        let found = match object.kind() {
            "Cluster" => of_cluster(manifest, object),
            "ScheduledBackup" => of_backup(manifest, object),
            "KafkaNodePool" => of_nodes(manifest, object),
            _ => Vec::new(),
        };
        let called = object.called();
        problems.extend(found.into_iter().map(|what| format!("{called}: {what}")));
    }
    problems
}

/// Stores of what is saved and of what is restored, and whom it is restored from.
fn of_cluster(manifest: &Manifest, object: &Object) -> Vec<String> {
    let others = object.list("/spec/externalClusters");
    let plugins = object.list("/spec/plugins").iter();
    let plugins = plugins.chain(others.iter().map(|other| &other["plugin"]));
    let mut problems: Vec<String> = plugins
        .filter_map(|plugin| plugin["parameters"]["barmanObjectName"].as_str())
        .filter(|name| manifest.get("ObjectStore", name).is_none())
        .map(|name| format!("there is no ObjectStore {name}"))
        .collect();
    let source = object.at("/spec/bootstrap/recovery/source");
    if !source.is_null() && !others.iter().any(|other| other["name"] == *source) {
        problems.push(format!("there is no external cluster {source}"));
    }
    problems
}

/// The cluster that they are nodes of.
fn of_nodes(manifest: &Manifest, object: &Object) -> Vec<String> {
    let name = object.text("/metadata/labels/strimzi.io~1cluster");
    match manifest.get("Kafka", name) {
        Some(_) => Vec::new(),
        None => vec![format!("there is no Kafka {name}")],
    }
}

/// The cluster that it saves, by a plugin that this cluster has.
fn of_backup(manifest: &Manifest, object: &Object) -> Vec<String> {
    let name = object.text("/spec/cluster/name");
    let Some(cluster) = manifest.get("Cluster", name) else {
        return vec![format!("there is no Cluster {name}")];
    };
    let plugin = object.at("/spec/pluginConfiguration/name");
    let mut plugins = cluster.list("/spec/plugins").iter();
    if plugins.any(|one| one["name"] == *plugin) {
        return Vec::new();
    }
    vec![format!("Cluster {name} has no plugin {plugin}")]
}
