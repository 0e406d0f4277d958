//! `deploy.sh` from nothing to a platform, again, to another version, and back. Namespace `impresario-dev`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::kubectl::{deploy, folder, get, kubectl, prepared, run};

const NAMESPACE: &str = "impresario-dev";

/// Everything that a deploy could change, as it is wanted: not how it is.
fn wanted() -> BTreeMap<String, Value> {
    let kinds = "deployments,statefulsets,jobs,services,configmaps,secrets,serviceaccounts,roles,rolebindings,\
        networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,resourcequotas,limitranges";
    let list = get(NAMESPACE, kinds);
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let mut item = item.clone();
            let name = format!("{} {}", item["kind"], item["metadata"]["name"]);
            let map = item.as_object_mut().unwrap();
            map.remove("status");
            let metadata = map["metadata"].as_object_mut().unwrap();
            // These move with the status.
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
            (name, item)
        })
        .collect()
}

fn image(name: &str) -> String {
    let object = get(NAMESPACE, name);
    let containers = &object["spec"]["template"]["spec"]["containers"];
    containers[0]["image"].as_str().unwrap().to_owned()
}

fn uid(name: &str) -> String {
    get(NAMESPACE, name)["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What runs the product's image in the overlay for development.
const DEPLOYMENTS: [&str; 6] = [
    "orchestrator",
    "catalog",
    "payment",
    "booking",
    "notification",
    "provider",
];

#[test]
fn deploy_goes_from_nothing_to_a_platform_and_again_and_on_and_back() {
    prepared();
    dry_run_changes_nothing();
    let (code, told) = deploy(&["--overlay", "dev", "--wait"]);
    assert_eq!(code, 0, "{told}");
    for name in DEPLOYMENTS {
        let deployment = get(NAMESPACE, &format!("deployment/{name}"));
        assert_eq!(
            deployment["status"]["availableReplicas"], 1,
            "{name}: {}",
            deployment["status"]
        );
    }
    for name in ["postgres", "rabbitmq"] {
        assert_eq!(
            get(NAMESPACE, &format!("statefulset/{name}"))["status"]["readyReplicas"],
            1
        );
    }
    assert_eq!(get(NAMESPACE, "job/migrate")["status"]["succeeded"], 1);
    again_changes_nothing();
    another_version_migrates_and_rolls_out();
    and_back();
}

fn dry_run_changes_nothing() {
    let (code, told) = deploy(&["--overlay", "dev", "--dry-run"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("would make up the secrets"), "{told}");
    let there = run(
        &[
            "--namespace",
            NAMESPACE,
            "get",
            "deployments,secrets,jobs",
            "--output",
            "name",
        ],
        "",
    );
    let names = String::from_utf8_lossy(&there.stdout).into_owned();
    assert!(
        !names.contains("impresario") && !names.contains("orchestrator"),
        "{names}"
    );
}

fn again_changes_nothing() {
    let before = wanted();
    let (code, told) = deploy(&["--overlay", "dev", "--wait"]);
    assert_eq!(code, 0, "{told}");
    let after = wanted();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (name, object) in before {
        assert_eq!(object, after[&name], "{name}");
    }
}

/// An overlay on `dev` with the next version of the image.
fn another_version_migrates_and_rolls_out() {
    let next = folder().join("../target/cluster/next");
    fs::create_dir_all(&next).unwrap();
    let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../../k8s/overlays/dev]\n\
        images: [{ name: ghcr.io/impresario/impresario, newTag: 0.2.0 }]\n";
    fs::write(next.join("kustomization.yaml"), text).unwrap();
    let job = uid("job/migrate");
    let (code, told) = deploy(&["--overlay", next.to_str().unwrap(), "--wait"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("another image, so they run again"), "{told}");
    assert_ne!(uid("job/migrate"), job);
    assert!(image("deployment/payment").ends_with(":0.2.0"));
}

fn and_back() {
    let (code, told) = deploy(&["--overlay", "dev", "--rollback", "--wait"]);
    assert_eq!(code, 0, "{told}");
    for name in DEPLOYMENTS {
        assert!(
            image(&format!("deployment/{name}")).ends_with(":0.1.0"),
            "{name}: {told}"
        );
    }
}

#[test]
fn deploy_says_what_is_missing_and_touches_nothing() {
    prepared();
    let (code, told) = deploy(&["--overlay", "staging"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("lacks the secrets: postgres-app"), "{told}");
    assert!(told.contains("fix:"), "{told}");
    let there = run(
        &[
            "--namespace",
            "impresario",
            "get",
            "deployments",
            "--output",
            "name",
        ],
        "",
    );
    assert!(there.stdout.is_empty());

    let (code, told) = deploy(&["--overlay", "nothing"]);
    assert_eq!(code, 2, "{told}");
    let (code, told) = deploy(&["--sideways"]);
    assert_eq!(code, 2, "{told}");
    // An operator that is not there is named before anything is applied.
    kubectl(&["delete", "crd", "scaledobjects.keda.sh", "--wait=true"]);
    let (code, told) = deploy(&["--overlay", "prod", "--dry-run"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("does not know: ScaledObject"), "{told}");
    let crd = folder().join("schemas/crds/scaledobjects.keda.sh.json");
    kubectl(&[
        "apply",
        "--server-side",
        "--filename",
        crd.to_str().unwrap(),
    ]);
    kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=60s",
    ]);
    let (code, told) = deploy(&["--overlay", "prod", "--dry-run"]);
    assert_eq!(code, 0, "{told}");
}
