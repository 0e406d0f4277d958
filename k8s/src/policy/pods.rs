//! What a pod may, and what it says of itself.

use serde_json::Value;

use crate::manifest::{Manifest, Workload, items};

/// What is wrong with the pods that we write.
fn each(manifest: &Manifest, wrong: impl Fn(&Workload) -> Vec<String>) -> Vec<String> {
    let workloads = manifest.workloads();
    let ours = workloads.iter().filter(|one| one.is_ours);
    ours.flat_map(|workload| {
        let called = workload.object.called();
        let wrong = wrong(workload).into_iter();
        wrong.map(move |what| format!("{called}: {what}"))
    })
    .collect()
}

fn each_container(manifest: &Manifest, wrong: impl Fn(&Value) -> Vec<String>) -> Vec<String> {
    each(manifest, |workload| {
        workload.containers().flat_map(&wrong).collect()
    })
}

/// What restricted pod security asks, and a root file system that nobody writes to.
pub(super) fn restricted(manifest: &Manifest) -> Vec<String> {
    let mut problems = each(manifest, |workload| {
        let pod = workload.pod();
        let mut wrong = Vec::new();
        let context = &pod["securityContext"];
        if context["runAsNonRoot"] != true || context["runAsUser"].as_i64().unwrap_or(0) == 0 {
            wrong.push("may run as root".to_owned());
        }
        if context["seccompProfile"]["type"] != "RuntimeDefault" {
            wrong.push("has no seccomp profile".to_owned());
        }
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            if !pod[field].is_null() {
                wrong.push(format!("has {field}"));
            }
        }
        for volume in items(&pod["volumes"]) {
            let allowed = [
                "configMap",
                "emptyDir",
                "secret",
                "projected",
                "persistentVolumeClaim",
            ];
            if !allowed.iter().any(|kind| !volume[kind].is_null()) {
                wrong.push(format!("volume {} is of another kind", volume["name"]));
            }
        }
        wrong
    });
    problems.extend(each_container(manifest, |container| {
        let context = &container["securityContext"];
        let fine = context["allowPrivilegeEscalation"] == false
            && context["readOnlyRootFilesystem"] == true
            && context["privileged"].is_null()
            && context["capabilities"]["drop"] == serde_json::json!(["ALL"])
            && context["capabilities"]["add"].is_null();
        let what = format!("container {} is not restricted", container["name"]);
        if fine { Vec::new() } else { vec![what] }
    }));
    for namespace in manifest.of_kind("Namespace") {
        let label = "/metadata/labels/pod-security.kubernetes.io~1enforce";
        if namespace.text(label) != "restricted" {
            problems.push(format!("{}: does not enforce it", namespace.called()));
        }
    }
    problems
}

/// A version that means the same tomorrow.
pub(super) fn versioned(manifest: &Manifest) -> Vec<String> {
    each_container(manifest, |container| {
        let image = container["image"].as_str().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        let fine = (last.contains(':') || last.contains('@')) && !last.ends_with(":latest");
        let what = format!("image {image} has no version");
        if fine { Vec::new() } else { vec![what] }
    })
}

/// Memory is what is asked for, so that a node is never promised twice; a processor limit only slows down.
pub(super) fn resources(manifest: &Manifest) -> Vec<String> {
    each_container(manifest, |container| {
        let (asks, limits) = (
            &container["resources"]["requests"],
            &container["resources"]["limits"],
        );
        let mut wrong = Vec::new();
        if asks["cpu"].is_null() || asks["memory"].is_null() {
            wrong.push(format!("container {} asks for nothing", container["name"]));
        }
        if asks["memory"] != limits["memory"] {
            wrong.push(format!(
                "container {} may take more memory than it asks for",
                container["name"]
            ));
        }
        if !limits["cpu"].is_null() {
            wrong.push(format!(
                "container {} has a processor limit",
                container["name"]
            ));
        }
        wrong
    })
}

/// All three are there, and being alive never depends on somebody else.
pub(super) fn probes(manifest: &Manifest) -> Vec<String> {
    each(manifest, |workload| {
        if !workload.is_lasting() {
            return Vec::new();
        }
        let containers = items(&workload.pod()["containers"]);
        let mut wrong = Vec::new();
        for container in containers {
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                if container[probe].is_null() {
                    wrong.push(format!("container {} has no {probe}", container["name"]));
                }
            }
            let path = |probe: &str| container[probe]["httpGet"]["path"].as_str();
            if path("livenessProbe") == Some("/readyz") || path("startupProbe") == Some("/readyz") {
                wrong.push(format!(
                    "container {} dies of others' troubles",
                    container["name"]
                ));
            }
        }
        wrong
    })
}

/// Nobody needs the API server.
pub(super) fn accounts(manifest: &Manifest) -> Vec<String> {
    each(manifest, |workload| {
        let pod = workload.pod();
        let mut wrong = Vec::new();
        if pod["serviceAccountName"] != workload.name() {
            wrong.push("has no account of its own".to_owned());
        }
        if pod["automountServiceAccountToken"] != false {
            wrong.push("has a token".to_owned());
        }
        if pod["enableServiceLinks"] != false {
            wrong.push("is told every Service as variables".to_owned());
        }
        wrong
    })
}

/// Who stays when a node is full is decided, not drawn.
pub(super) fn priority(manifest: &Manifest) -> Vec<String> {
    each(manifest, |workload| {
        let given = workload.pod()["priorityClassName"].is_string();
        if given {
            Vec::new()
        } else {
            vec!["has no priority".to_owned()]
        }
    })
}

/// So that people and deploy.sh find all of it, and nothing else.
pub(super) fn labelled(manifest: &Manifest) -> Vec<String> {
    let label = "labels/app.kubernetes.io~1part-of";
    let own = manifest.objects.iter().filter_map(|object| {
        let fine = object.text(&format!("/metadata/{label}")) == "impresario";
        (!fine).then(|| object.called())
    });
    let pods = each(manifest, |workload| {
        let part_of = workload.labels.get("app.kubernetes.io/part-of");
        let fine = part_of.is_some_and(|name| name == "impresario");
        if fine {
            Vec::new()
        } else {
            vec!["its pods do not".to_owned()]
        }
    });
    own.chain(pods).collect()
}
