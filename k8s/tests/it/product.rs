//! What manifests say to the program is what the program understands, and its sums work out.

use std::collections::BTreeMap;

use impresario_k8s::manifest::{Manifest, Workload, items};

use crate::files::{OVERLAYS, manifests, overlay, read};

/// Connections that a replica opens at most: its own pool, the commit path, listeners; the feed's; the catalogue's pages;
/// and each pool's eight (`store/database.rs`, `workers/sdk/src/database.rs`).
fn connections(role: &str) -> u64 {
    match role {
        "serve" => 10 + 2 + 2 + 8,
        "worker" | "provider" => 8,
        _ => 2,
    }
}

fn ours(manifest: &Manifest) -> Vec<Workload<'_>> {
    let runs_us = |one: &Workload| {
        let mut containers = one.containers();
        containers.any(|container| {
            container["image"]
                .as_str()
                .is_some_and(|image| image.contains("/impresario:"))
        })
    };
    manifest.workloads().into_iter().filter(runs_us).collect()
}

fn role<'a>(workload: &Workload<'a>) -> (&'a str, &'a str) {
    let arguments = workload
        .object
        .list("/spec/template/spec/containers/0/args");
    let word = |at: usize| {
        arguments
            .get(at)
            .and_then(|word| word.as_str())
            .unwrap_or_default()
    };
    (word(0), word(1))
}

#[test]
fn every_role_and_every_variable_is_known_to_the_program() {
    let arguments = read("../cli/src/args.rs");
    let settings = read("../traces/src/settings.rs");
    for (name, manifest) in manifests() {
        for workload in ours(&manifest) {
            let (role, pool) = role(&workload);
            let command = format!("\n    {}{}(", role[..1].to_uppercase(), &role[1..]);
            assert!(
                arguments.contains(&command),
                "{name}: there is no role {role}"
            );
            if role == "worker" {
                let pool = format!("\n    {}{},", pool[..1].to_uppercase(), &pool[1..]);
                assert!(arguments.contains(&pool), "{name}: there is no pool {pool}");
            }
            let own = workload.containers().flat_map(|one| items(&one["env"]));
            let mut variables: Vec<String> = own
                .map(|one| one["name"].as_str().unwrap().to_owned())
                .collect();
            let maps = manifest
                .of_kind("ConfigMap")
                .filter(|map| map.name().starts_with("platform-"));
            variables
                .extend(maps.flat_map(|map| map.at("/data").as_object().unwrap().keys().cloned()));
            for variable in variables {
                // The parts of AMQP_URL, what the logging library reads, and where traces go.
                let known = variable.starts_with("RABBITMQ_")
                    || variable == "RUST_LOG"
                    || settings.contains(&format!("\"{variable}\""))
                    || arguments.contains(&format!("env = \"{variable}\""));
                assert!(known, "{name}: nothing reads {variable}");
            }
        }
    }
}

#[test]
fn the_database_has_connections_for_everybody_while_everything_rolls() {
    for name in OVERLAYS {
        let manifest = overlay(name);
        let mut most = BTreeMap::new();
        for object in &manifest.objects {
            let (target, bound) = match object.kind() {
                "HorizontalPodAutoscaler" => ("/spec/scaleTargetRef/name", "/spec/maxReplicas"),
                "ScaledObject" => ("/spec/scaleTargetRef/name", "/spec/maxReplicaCount"),
                _ => continue,
            };
            most.insert(object.text(target), object.at(bound).as_u64().unwrap());
        }
        let mut sum = 0;
        for workload in ours(&manifest) {
            let fixed = workload.object.at("/spec/replicas").as_u64().unwrap_or(1);
            let replicas = most.get(workload.name()).copied().unwrap_or(fixed);
            let surge = u64::from(workload.is_lasting());
            sum += (replicas + surge) * connections(role(&workload).0);
        }
        let allowed = allowed_connections(&manifest);
        // For people, backups, replication and operators.
        assert!(sum + 20 <= allowed, "{name}: {sum} of {allowed}");
    }
}

fn allowed_connections(manifest: &Manifest) -> u64 {
    if let Some(cluster) = manifest.get("Cluster", "postgres") {
        return cluster
            .text("/spec/postgresql/parameters/max_connections")
            .parse()
            .unwrap();
    }
    let mut maps = manifest.of_kind("ConfigMap");
    let map = maps.find(|map| {
        map.name().starts_with("postgres-") && !map.at("/data/postgresql.conf").is_null()
    });
    let text = map.unwrap().text("/data/postgresql.conf");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("max_connections = "));
    line.unwrap().parse().unwrap()
}

#[test]
fn the_broker_has_room_above_the_limit_at_which_it_takes_no_more() {
    for (name, manifest) in manifests() {
        let (text, storage) = match manifest.get("RabbitmqCluster", "rabbitmq") {
            Some(cluster) => (
                cluster.text("/spec/rabbitmq/additionalConfig").to_owned(),
                cluster.text("/spec/persistence/storage").to_owned(),
            ),
            None => {
                let mut maps = manifest.of_kind("ConfigMap");
                let map = maps
                    .find(|map| !map.at("/data/rabbitmq.conf").is_null())
                    .unwrap();
                let set = manifest.get("StatefulSet", "rabbitmq").unwrap();
                let claim = "/spec/volumeClaimTemplates/0/spec/resources/requests/storage";
                (
                    map.text("/data/rabbitmq.conf").to_owned(),
                    set.text(claim).to_owned(),
                )
            }
        };
        let limit = text
            .lines()
            .find_map(|line| line.strip_prefix("disk_free_limit.absolute = "));
        let limit: u64 = limit.unwrap().trim_end_matches("GB").parse().unwrap();
        let storage: u64 = storage.trim_end_matches("Gi").parse().unwrap();
        assert!(
            storage >= 2 * limit,
            "{name}: {storage} GiB, and nothing is taken below {limit} GB"
        );
    }
}
