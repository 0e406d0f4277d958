//! Who may talk to whom by identity, as a mesh says it, held against the network policies, which say it by address.
//!
//! Istio: an AuthorizationPolicy lets accounts and namespaces in to some ports of the pods that it selects. Linkerd: a Server
//! is a port of pods, its AuthorizationPolicy names a MeshTLSAuthentication, and that names accounts and namespaces. An
//! account is a workload's name (a rule). One component serves every set of servers, so it may name what is not there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::edges::{self, Edge};
use crate::manifest::{Manifest, Object, items, selects};

const ISTIO: &str = "security.istio.io/v1";

/// Edges that only one of the two allows; none where there is no mesh.
pub fn problems(manifest: &Manifest) -> Vec<String> {
    let mut policies = manifest.of_kind("AuthorizationPolicy");
    let Some(one) = policies.next() else {
        return Vec::new();
    };
    let by_identity = if one.api_version() == ISTIO {
        istio(manifest)
    } else {
        linkerd(manifest)
    };
    let by_address: BTreeSet<Edge> = edges::allowed(manifest)
        .0
        .into_iter()
        .filter(|edge| {
            is_there(manifest, &edge.to) && edge.from != "outside" && edge.from != "anywhere"
        })
        .collect();
    // What is not there talks to nobody.
    let known: BTreeSet<&str> = by_address.iter().map(|edge| edge.from.as_str()).collect();
    let of_absent =
        |edge: &&Edge| !is_there(manifest, &edge.from) && !known.contains(edge.from.as_str());
    let mut problems = Vec::new();
    for edge in by_address.difference(&by_identity) {
        problems.push(format!("{edge}: the mesh does not allow it"));
    }
    for edge in by_identity
        .difference(&by_address)
        .filter(|edge| !of_absent(edge))
    {
        problems.push(format!("{edge}: only the mesh allows it"));
    }
    problems.extend(open(manifest));
    problems
}

fn is_there(manifest: &Manifest, name: &str) -> bool {
    manifest.workloads().iter().any(|one| one.name() == name)
}

/// What makes the rest denied, and unencrypted talk impossible.
fn open(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    let namespace = manifest.of_kind("Namespace").next();
    let note = |pointer: &str| namespace.map_or("", |namespace| namespace.text(pointer));
    let istio = note("/metadata/labels/istio.io~1dataplane-mode") == "ambient";
    let linkerd = note("/metadata/annotations/linkerd.io~1inject") == "enabled";
    if !istio && !linkerd {
        problems.push("the namespace is not in the mesh".to_owned());
    }
    if istio {
        let mut peers = manifest.of_kind("PeerAuthentication");
        if !peers.any(|peer| peer.text("/spec/mtls/mode") == "STRICT") {
            problems.push("talk without a name is let in".to_owned());
        }
        let mut policies = manifest.of_kind("AuthorizationPolicy");
        if !policies.any(|policy| policy.at("/spec") == &json!({})) {
            problems.push("the mesh denies nothing to begin with".to_owned());
        }
    }
    if linkerd && note("/metadata/annotations/config.linkerd.io~1default-inbound-policy") != "deny"
    {
        problems.push("the mesh denies nothing to begin with".to_owned());
    }
    problems
}

fn istio(manifest: &Manifest) -> BTreeSet<Edge> {
    let mut found = BTreeSet::new();
    for policy in manifest.of_kind("AuthorizationPolicy") {
        for rule in policy.list("/spec/rules") {
            let sources = items(&rule["from"]).iter().map(|from| &from["source"]);
            let from: Vec<String> = sources
                .flat_map(|source| {
                    let accounts = texts(&source["serviceAccounts"]).map(str::to_owned);
                    let namespaces =
                        texts(&source["namespaces"]).map(|name| format!("namespace/{name}"));
                    accounts.chain(namespaces)
                })
                .collect();
            let ports = items(&rule["to"])
                .iter()
                .flat_map(|to| texts(&to["operation"]["ports"]))
                .filter_map(|port| port.parse().ok());
            for port in ports {
                add(
                    &mut found,
                    manifest,
                    policy.at("/spec/selector"),
                    &from,
                    port,
                );
            }
        }
    }
    found
}

fn linkerd(manifest: &Manifest) -> BTreeSet<Edge> {
    let mut found = BTreeSet::new();
    for policy in manifest.of_kind("AuthorizationPolicy") {
        let Some(server) = manifest.get("Server", policy.text("/spec/targetRef/name")) else {
            continue;
        };
        let from: Vec<String> = policy
            .list("/spec/requiredAuthenticationRefs")
            .iter()
            .filter_map(|named| manifest.get("MeshTLSAuthentication", named["name"].as_str()?))
            .flat_map(identities)
            .collect();
        let port = server.at("/spec/port").as_i64().unwrap_or(0);
        add(
            &mut found,
            manifest,
            server.at("/spec/podSelector"),
            &from,
            port,
        );
    }
    found
}

fn identities(authentication: &Object) -> Vec<String> {
    let named = authentication.list("/spec/identityRefs").iter();
    named
        .map(|one| {
            let name = one["name"].as_str().unwrap_or_default();
            if one["kind"] == "Namespace" {
                format!("namespace/{name}")
            } else {
                name.to_owned()
            }
        })
        .collect()
}

fn add(
    found: &mut BTreeSet<Edge>,
    manifest: &Manifest,
    selector: &Value,
    from: &[String],
    port: i64,
) {
    let workloads = manifest.workloads();
    for to in workloads
        .iter()
        .filter(|one| selects(selector, &one.labels))
    {
        for from in from {
            found.insert(Edge {
                from: from.clone(),
                to: to.name().to_owned(),
                port,
            });
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    items(list).iter().filter_map(Value::as_str)
}
