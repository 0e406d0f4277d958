//! Who may talk to whom, as the network policies say it, and as the documentation says it.
//!
//! Inside the namespace an edge needs both ends: one policy that lets it out and one that lets it in. A half of one is
//! reported. Outside there is only our end.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifest::{Manifest, Object, Workload, items, selects};

/// `from -> to port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// A workload, or a namespace (`namespace/x`), or `outside`.
    pub from: String,
    /// The same.
    pub to: String,
    /// The port.
    pub port: i64,
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} {}", self.from, self.to, self.port)
    }
}

/// The edges that a manifest allows, and the halves of edges in it. What everybody has (DNS) is left out.
pub fn allowed(manifest: &Manifest) -> (BTreeSet<Edge>, Vec<String>) {
    let workloads = manifest.workloads();
    let (mut out, mut into) = (BTreeSet::new(), BTreeSet::new());
    for policy in manifest
        .of_kind("NetworkPolicy")
        .filter(|one| !is_general(one))
    {
        let selector = policy.at("/spec/podSelector");
        let selected = workloads
            .iter()
            .filter(|one| selects(selector, &one.labels));
        for own in selected.map(Workload::name) {
            for (to, port) in peers(policy, "egress", "to", &workloads) {
                let from = own.to_owned();
                out.insert(Edge { from, to, port });
            }
            for (from, port) in peers(policy, "ingress", "from", &workloads) {
                let to = own.to_owned();
                into.insert(Edge { from, to, port });
            }
        }
    }
    let inside = |name: &str| workloads.iter().any(|one| one.name() == name);
    let whole = |edge: &&Edge| inside(&edge.from) && inside(&edge.to);
    let halves = out
        .symmetric_difference(&into)
        .filter(whole)
        .map(|edge| format!("{edge}: one end only"))
        .collect();
    let both = out.intersection(&into).cloned();
    let foreign = out.union(&into).filter(|edge| !whole(edge)).cloned();
    (both.chain(foreign).collect(), halves)
}

/// Denies all, or lets everybody look up names.
fn is_general(policy: &Object) -> bool {
    policy.at("/spec/podSelector") == &Value::Object(serde_json::Map::new())
}

/// The other ends of a policy's rules, with their ports.
fn peers(policy: &Object, side: &str, field: &str, workloads: &[Workload]) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    for rule in policy.list(&format!("/spec/{side}")) {
        let names = if rule[field].is_null() {
            vec!["anywhere".to_owned()]
        } else {
            items(&rule[field])
                .iter()
                .flat_map(|peer| named(peer, workloads))
                .collect()
        };
        let ports: Vec<i64> = items(&rule["ports"])
            .iter()
            .filter_map(|port| port["port"].as_i64())
            .collect();
        for name in names {
            found.extend(ports.iter().map(|port| (name.clone(), *port)));
        }
    }
    found
}

fn named(peer: &Value, workloads: &[Workload]) -> Vec<String> {
    if !peer["ipBlock"].is_null() {
        return vec!["outside".to_owned()];
    }
    let namespace = &peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
    if let Some(name) = namespace.as_str() {
        return vec![format!("namespace/{name}")];
    }
    let selected = workloads
        .iter()
        .filter(|one| selects(&peer["podSelector"], &one.labels));
    selected.map(|one| one.name().to_owned()).collect()
}

/// The edges of the documentation's table, as far as they hold where we look: `| from | to | port | where | why |`.
/// Several names in a cell are separated by commas; *where* is `all` or names of overlays.
pub fn documented(text: &str, overlay: &str) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    let Some((_, table)) = text.split_once("| from | to | port | where |") else {
        return edges;
    };
    for line in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, from, to, port, place, ..] = cells.as_slice() else {
            continue;
        };
        if *place != "all" && !names(place).any(|name| name == overlay) {
            continue;
        }
        for from in names(from) {
            for to in names(to) {
                for port in names(port).filter_map(|port| port.parse().ok()) {
                    let (from, to) = (from.to_owned(), to.to_owned());
                    edges.insert(Edge { from, to, port });
                }
            }
        }
    }
    edges
}

fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(',').map(|name| name.trim().trim_matches('`'))
}
