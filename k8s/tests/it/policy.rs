//! Each rule is broken once, in what is rendered, and has to say so: a rule that lets everything through is none.

use impresario_k8s::manifest::Manifest;
use impresario_k8s::policy::RULES;
use serde_json::{Value, json};

use crate::files::overlay;

/// Puts a value where a pointer leads; null takes away what is there.
pub(crate) fn put(manifest: &mut Manifest, kind: &str, name: &str, pointer: &str, value: Value) {
    let object = manifest
        .get_mut(kind, name)
        .unwrap_or_else(|| panic!("no {kind} {name}"));
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let field = field.replace("~1", "/");
    match object.value.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => drop(map.remove(&field)),
        Value::Object(map) => drop(map.insert(field, value)),
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
}

/// A rule, and what to do to the object of this kind and name so that it is broken.
type Break = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Value,
);

const POD: &str = "/spec/template/spec";

fn breaks() -> Vec<Break> {
    let container = "/spec/template/spec/containers/0";
    let of = |place: &str, rest: &str| -> &'static str { format!("{place}{rest}").leak() };
    vec![
        (
            "pods are restricted",
            "Deployment",
            "payment",
            of(POD, "/securityContext/runAsNonRoot"),
            json!(false),
        ),
        (
            "pods are restricted",
            "Deployment",
            "payment",
            of(container, "/securityContext/readOnlyRootFilesystem"),
            json!(false),
        ),
        (
            "pods are restricted",
            "StatefulSet",
            "rabbitmq",
            of(container, "/securityContext/capabilities"),
            json!({ "drop": ["ALL"], "add": ["NET_RAW"] }),
        ),
        (
            "pods are restricted",
            "Deployment",
            "orchestrator",
            of(POD, "/volumes/0"),
            json!({ "name": "tmp", "hostPath": { "path": "/" } }),
        ),
        (
            "pods are restricted",
            "Namespace",
            "impresario",
            "/metadata/labels/pod-security.kubernetes.io~1enforce",
            json!("baseline"),
        ),
        (
            "images have a version",
            "Deployment",
            "booking",
            of(container, "/image"),
            json!("ghcr.io/x/impresario"),
        ),
        (
            "images have a version",
            "Deployment",
            "booking",
            of(container, "/image"),
            json!("ghcr.io/x/impresario:latest"),
        ),
        (
            "memory is bounded and the processor is not",
            "Deployment",
            "booking",
            of(container, "/resources/limits/memory"),
            json!("1Gi"),
        ),
        (
            "memory is bounded and the processor is not",
            "Job",
            "migrate",
            of(container, "/resources/limits/cpu"),
            json!("1"),
        ),
        (
            "probes have three meanings",
            "Deployment",
            "catalog",
            of(container, "/startupProbe"),
            Value::Null,
        ),
        (
            "probes have three meanings",
            "Deployment",
            "orchestrator",
            of(container, "/livenessProbe/httpGet/path"),
            json!("/readyz"),
        ),
        (
            "pods have an account of their own and no token",
            "Deployment",
            "catalog",
            of(POD, "/automountServiceAccountToken"),
            json!(true),
        ),
        (
            "pods have an account of their own and no token",
            "Deployment",
            "catalog",
            of(POD, "/serviceAccountName"),
            json!("default"),
        ),
        (
            "pods have a priority",
            "StatefulSet",
            "postgres",
            of(POD, "/priorityClassName"),
            Value::Null,
        ),
        (
            "everything says what it is part of",
            "StatefulSet",
            "postgres",
            "/metadata/labels/app.kubernetes.io~1part-of",
            Value::Null,
        ),
        (
            "evictions go one by one",
            "PodDisruptionBudget",
            "rabbitmq",
            "/spec/maxUnavailable",
            json!(0),
        ),
        (
            "evictions go one by one",
            "PodDisruptionBudget",
            "payment",
            "/spec/selector/matchLabels/app.kubernetes.io~1name",
            json!("nobody"),
        ),
        (
            "replicas are spread",
            "Deployment",
            "orchestrator",
            of(POD, "/topologySpreadConstraints"),
            Value::Null,
        ),
        (
            "rollouts lose no replica",
            "Deployment",
            "payment",
            "/spec/strategy/rollingUpdate/maxUnavailable",
            json!(1),
        ),
        (
            "a stop has time to drain",
            "Deployment",
            "payment",
            of(POD, "/terminationGracePeriodSeconds"),
            json!(20),
        ),
        (
            "a stop has time to drain",
            "Deployment",
            "orchestrator",
            of(container, "/lifecycle"),
            Value::Null,
        ),
        (
            "scalers go up at once and down slowly",
            "HorizontalPodAutoscaler",
            "payment",
            "/spec/behavior/scaleDown/policies/0/value",
            json!(50),
        ),
        (
            "scalers go up at once and down slowly",
            "HorizontalPodAutoscaler",
            "payment",
            "/spec/maxReplicas",
            json!(3),
        ),
        (
            "nobody talks unasked",
            "NetworkPolicy",
            "default-deny",
            "/spec/policyTypes",
            json!(["Ingress"]),
        ),
        (
            "nobody talks unasked",
            "NetworkPolicy",
            "rabbitmq",
            "/spec/ingress/0/ports/0/port",
            json!(5671),
        ),
        (
            "nobody talks unasked",
            "Service",
            "orchestrator",
            "/spec/type",
            json!("LoadBalancer"),
        ),
        (
            "the edge lets in bookings and catalogue only",
            "Ingress",
            "edge",
            "/spec/rules/0/http/paths/0/path",
            json!("/v1/sagas"),
        ),
        (
            "the edge lets in bookings and catalogue only",
            "Ingress",
            "edge",
            "/spec/tls",
            json!([]),
        ),
        (
            "roles are small",
            "Role",
            "impresario-viewer",
            "/rules/0/resources/0",
            json!("secrets"),
        ),
        (
            "roles are small",
            "Role",
            "impresario-operator",
            "/rules/0/verbs/0",
            json!("*"),
        ),
        (
            "no secret is in git",
            "Deployment",
            "orchestrator",
            of(container, "/env/0"),
            json!({ "name": "DATABASE_PASSWORD", "value": "x" }),
        ),
    ]
}

#[test]
fn each_rule_says_what_breaks_it_and_no_other_is_left_unbroken() {
    let breaks = breaks();
    for (rule, kind, name, pointer, value) in &breaks {
        let mut manifest = overlay("staging");
        put(&mut manifest, kind, name, pointer, value.clone());
        let rule = RULES
            .iter()
            .find(|one| one.name == *rule)
            .unwrap_or_else(|| panic!("no rule {rule}"));
        let broken = (rule.broken)(&manifest);
        assert!(
            !broken.is_empty(),
            "{}: {pointer} of {kind} {name} is not seen",
            rule.name
        );
    }
    for rule in RULES {
        assert!(
            breaks.iter().any(|one| one.0 == rule.name),
            "nothing breaks: {}",
            rule.name
        );
    }
}
