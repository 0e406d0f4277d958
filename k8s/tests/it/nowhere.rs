//! Each reference is made to lead nowhere once, and has to be found.

use impresario_k8s::manifest::{Manifest, Object};
use impresario_k8s::references;
use serde_json::{Value, json};

use crate::files::{kustomize, listed_secrets, overlay};
use crate::policy::put;

#[test]
fn each_reference_that_leads_nowhere_is_found() {
    let container = "/spec/template/spec/containers/0";
    let cases: [(&str, &str, &str, String, Value, &str); 16] = [
        (
            "prod",
            "Service",
            "orchestrator",
            "/spec/selector/app.kubernetes.io~1name".into(),
            json!("nobody"),
            "selects 0 workloads",
        ),
        (
            "prod",
            "Service",
            "orchestrator",
            "/spec/ports/0/targetPort".into(),
            json!("web"),
            "called web",
        ),
        (
            "staging",
            "HorizontalPodAutoscaler",
            "booking",
            "/spec/scaleTargetRef/name".into(),
            json!("payment"),
            "scales Deployment payment too",
        ),
        (
            "staging",
            "Deployment",
            "booking",
            "/spec/replicas".into(),
            json!(3),
            "replicas of its own",
        ),
        (
            "staging",
            "Deployment",
            "payment",
            format!("{container}/envFrom/0/configMapRef/name"),
            json!("nothing"),
            "no ConfigMap nothing",
        ),
        (
            "staging",
            "Deployment",
            "payment",
            format!("{container}/livenessProbe/httpGet/port"),
            json!("web"),
            "no container port",
        ),
        (
            "staging",
            "Deployment",
            "provider",
            format!("{container}/env/2/value"),
            json!("http://orchestrator:80/x"),
            "no port 80",
        ),
        (
            "staging",
            "StatefulSet",
            "postgres",
            "/spec/serviceName".into(),
            json!("x"),
            "no Service x",
        ),
        (
            "staging",
            "Ingress",
            "edge",
            "/spec/rules/0/http/paths/0/backend/service/name".into(),
            json!("x"),
            "no Service",
        ),
        (
            "prod",
            "HTTPRoute",
            "edge",
            "/spec/rules/0/backendRefs/0/port".into(),
            json!(1),
            "no Service",
        ),
        (
            "prod",
            "ScaledObject",
            "payment",
            "/spec/triggers/2/metadata/host".into(),
            json!("amqp://rabbitmq.other.svc:5672/"),
            "is not in",
        ),
        (
            "prod",
            "PodMonitor",
            "pools",
            "/spec/podMetricsEndpoints/0/port".into(),
            json!("x"),
            "called x",
        ),
        (
            "prod",
            "NetworkPolicy",
            "orchestrator",
            "/spec/egress/0/to/0/podSelector/matchLabels".into(),
            json!({ "a": "b" }),
            "selects nothing",
        ),
        (
            "prod",
            "ScheduledBackup",
            "postgres",
            "/spec/cluster/name".into(),
            json!("x"),
            "no Cluster x",
        ),
        (
            "staging",
            "CronJob",
            "postgres-backup",
            "/spec/jobTemplate/spec/template/spec/volumes/0/persistentVolumeClaim/claimName".into(),
            json!("backups-postgres-archive-1"),
            "nobody claims volume",
        ),
        (
            "prod",
            "RoleBinding",
            "impresario-viewer",
            "/roleRef/name".into(),
            json!("x"),
            "no Role x",
        ),
    ];
    for (name, kind, object, pointer, value, said) in cases {
        let mut manifest = overlay(name);
        put(&mut manifest, kind, object, &pointer, value);
        let problems = references::problems(&manifest, &listed_secrets());
        assert!(
            problems.iter().any(|problem| problem.contains(said)),
            "{kind} {object}: {problems:?}"
        );
    }
}

#[test]
fn a_release_that_leads_nowhere_is_found() {
    let cases: [(&str, &str, &str, &str, Value, &str); 7] = [
        (
            "canary",
            "Rollout",
            "payment",
            "/spec/workloadRef/name",
            json!("x"),
            "no Deployment x",
        ),
        (
            "canary",
            "Deployment",
            "orchestrator",
            "/spec/replicas",
            json!(3),
            "replicas of its own",
        ),
        (
            "canary",
            "Rollout",
            "orchestrator",
            "/spec/strategy/canary/canaryService",
            json!("x"),
            "no Service",
        ),
        (
            "canary",
            "HTTPRoute",
            "edge",
            "/spec/rules/0/backendRefs/1/name",
            json!("orchestrator"),
            "does not lead to both",
        ),
        (
            "canary",
            "Rollout",
            "booking",
            "/spec/strategy/canary/analysis/args",
            json!([]),
            "is not told",
        ),
        (
            "canary",
            "ScaledObject",
            "booking",
            "/spec/scaleTargetRef/kind",
            json!("Deployment"),
            "Rollout booking is not scaled",
        ),
        (
            "blue-green",
            "Rollout",
            "orchestrator",
            "/spec/strategy/blueGreen/previewService",
            json!("x"),
            "no Service",
        ),
    ];
    for (name, kind, object, pointer, value, said) in cases {
        let Some(text) = kustomize(&format!("combinations/{name}")) else {
            return;
        };
        let mut manifest = Manifest::parse(&text).unwrap();
        put(&mut manifest, kind, object, pointer, value);
        let problems = references::problems(&manifest, &listed_secrets());
        assert!(
            problems.iter().any(|problem| problem.contains(said)),
            "{kind} {object}: {problems:?}"
        );
    }
}

#[test]
fn a_variable_that_is_used_before_it_is_set_is_found() {
    let mut manifest = overlay("staging");
    let object: &mut Object = manifest.get_mut("Deployment", "payment").unwrap();
    let variables = object
        .value
        .pointer_mut("/spec/template/spec/containers/0/env")
        .unwrap();
    variables.as_array_mut().unwrap().reverse();
    let problems = references::problems(&manifest, &listed_secrets());
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("RABBITMQ_PASSWORD is not set before it")),
        "{problems:?}"
    );
}

#[test]
fn an_address_of_a_member_that_is_not_there_is_found() {
    let mut manifest = overlay("staging");
    put(
        &mut manifest,
        "StatefulSet",
        "redis",
        "/spec/replicas",
        json!(2),
    );
    let problems = references::problems(&manifest, &listed_secrets());
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("redis-nodes has no member redis-2")),
        "{problems:?}"
    );
}
