//! What the edge names: Services with their ports, Gateways, routes, middlewares.

use serde_json::Value;

use crate::manifest::{Manifest, Object, items};

pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for object in &manifest.objects {
        let found = match object.kind() {
            "Ingress" => of_ingress(manifest, object),
            "HTTPRoute" => of_route(manifest, object),
            "BackendTrafficPolicy" | "SecurityPolicy" => {
                targets(manifest, object.list("/spec/targetRefs"))
            }
            _ => Vec::new(),
        };
        let called = object.called();
        problems.extend(found.into_iter().map(|what| format!("{called}: {what}")));
    }
    problems
}

/// The paths that the edge lets in.
pub(crate) fn paths(manifest: &Manifest) -> Vec<String> {
    let ingresses = manifest.of_kind("Ingress").flat_map(|object| {
        let rules = object.list("/spec/rules").iter();
        rules
            .flat_map(|rule| items(&rule["http"]["paths"]))
            .map(|path| &path["path"])
    });
    let routes = manifest.of_kind("HTTPRoute").flat_map(|object| {
        let rules = object.list("/spec/rules").iter();
        rules
            .flat_map(|rule| items(&rule["matches"]))
            .map(|one| &one["path"]["value"])
    });
    ingresses
        .chain(routes)
        .map(|path| path.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn of_ingress(manifest: &Manifest, object: &Object) -> Vec<String> {
    let mut problems = Vec::new();
    let rules = object.list("/spec/rules").iter();
    for path in rules.flat_map(|rule| items(&rule["http"]["paths"])) {
        let service = &path["backend"]["service"];
        problems.extend(port(
            manifest,
            &service["name"],
            "name",
            &service["port"]["name"],
        ));
    }
    let middlewares = "/metadata/annotations/traefik.ingress.kubernetes.io~1router.middlewares";
    for middleware in object.text(middlewares).split(',') {
        let own = format!("{}-", manifest.namespace());
        let name = middleware
            .strip_prefix(&own)
            .and_then(|rest| rest.strip_suffix("@kubernetescrd"));
        if name.is_none_or(|name| manifest.get("Middleware", name).is_none()) {
            problems.push(format!("there is no Middleware {middleware}"));
        }
    }
    problems
}

fn of_route(manifest: &Manifest, object: &Object) -> Vec<String> {
    let mut problems = Vec::new();
    for parent in object.list("/spec/parentRefs") {
        let gateway = manifest.get("Gateway", parent["name"].as_str().unwrap_or_default());
        let section = &parent["sectionName"];
        let mut listeners = gateway
            .map_or(&[][..], |one| one.list("/spec/listeners"))
            .iter();
        if !listeners.any(|listener| listener["name"] == *section) {
            problems.push(format!("no Gateway listener {section}"));
        }
    }
    for backend in object
        .list("/spec/rules")
        .iter()
        .flat_map(|rule| items(&rule["backendRefs"]))
    {
        problems.extend(port(manifest, &backend["name"], "port", &backend["port"]));
    }
    problems
}

/// A Service with a port whose `field` is that.
fn port(manifest: &Manifest, name: &Value, field: &str, wanted: &Value) -> Option<String> {
    let service = manifest.get("Service", name.as_str().unwrap_or_default());
    let mut ports = service
        .map_or(&[][..], |one| one.list("/spec/ports"))
        .iter();
    let known = ports.any(|one| one[field] == *wanted);
    (!known).then(|| format!("there is no Service {name} with the port {wanted}"))
}

fn targets(manifest: &Manifest, targets: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    targets
        .iter()
        .map(|target| (text(&target["kind"]), text(&target["name"])))
        .filter(|(kind, name)| manifest.get(kind, name).is_none())
        .map(|(kind, name)| format!("there is no {kind} {name}"))
        .collect()
}
