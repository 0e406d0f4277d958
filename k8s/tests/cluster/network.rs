//! Who may talk to whom, from the network policies as the API server keeps them: the documentation's table.

use std::collections::BTreeSet;

use impresario_k8s::edges::{self, Edge};
use impresario_k8s::manifest::{Manifest, Object};
use serde_json::Value;

use crate::kubectl::{applied, apply, folder, kubectl, prepared, rendered, said};

/// What the API server makes of an overlay: every default filled in, nothing kept.
fn admitted(path: &str) -> Manifest {
    let text = rendered(path);
    applied(
        text.split("\n---\n")
            .find(|one| one.contains("kind: Namespace"))
            .unwrap(),
    );
    // A Job cannot be changed, for show neither: that of another version, which another test deployed, goes first.
    let namespace = Manifest::parse(&text).unwrap().namespace().to_owned();
    kubectl(&[
        "--namespace",
        &namespace,
        "delete",
        "job",
        "migrate",
        "--ignore-not-found",
    ]);
    let output = apply(&text, &["--dry-run=server", "--output=json"]);
    assert!(output.status.success(), "{path}: {}", said(&output));
    let mut list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let Value::Array(items) = list["items"].take() else {
        panic!("{path}: no list");
    };
    let objects = items.into_iter().map(|value| Object { value }).collect();
    Manifest { objects }
}

#[test]
fn the_edges_that_the_api_server_keeps_are_those_of_the_documentation() {
    prepared();
    let page = std::fs::read_to_string(folder().join("../docs/operations.md")).unwrap();
    for name in ["dev", "staging", "prod"] {
        let (allowed, halves) = edges::allowed(&admitted(&format!("overlays/{name}")));
        assert_eq!(halves, Vec::<String>::new(), "{name}");
        let documented = edges::documented(&page, name);
        let only = |one: &BTreeSet<Edge>, other: &BTreeSet<Edge>| -> Vec<String> {
            one.difference(other).map(ToString::to_string).collect()
        };
        assert!(documented.len() > 10, "{name}: {documented:?}");
        assert_eq!(
            (only(&allowed, &documented), only(&documented, &allowed)),
            (Vec::new(), Vec::new()),
            "{name}: allowed only, documented only"
        );
    }
}
