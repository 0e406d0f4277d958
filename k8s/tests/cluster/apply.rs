//! Every overlay and every combination is accepted by the API server: each field known, each object admitted.

use std::fs;

use crate::kubectl::{applied, apply, folder, prepared, rendered, said};

#[test]
fn every_overlay_and_combination_is_accepted_with_strict_fields() {
    prepared();
    let mut paths = Vec::new();
    for group in ["overlays", "combinations"] {
        for entry in fs::read_dir(folder().join(group)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                paths.push(format!("{group}/{}", entry.file_name().to_str().unwrap()));
            }
        }
    }
    assert!(paths.len() >= 6, "{paths:?}");
    for path in &paths {
        let text = rendered(path);
        // What is in a namespace is only judged when that is there.
        applied(
            text.split("\n---\n")
                .find(|one| one.contains("kind: Namespace"))
                .unwrap(),
        );
        let output = apply(&text, &["--dry-run=server"]);
        let all = said(&output);
        assert!(output.status.success(), "{path}: {all}");
        assert_eq!(
            all.matches("serverside-applied").count(),
            text.matches("\nkind: ").count(),
            "{path}: {all}"
        );
        assert!(!all.contains("Warning"), "{path}: {all}");
    }
}

#[test]
fn an_unknown_field_is_refused() {
    prepared();
    let text = rendered("overlays/prod").replace("minReplicaCount: 3", "minReplicas: 3");
    let output = apply(&text, &["--dry-run=server"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("minReplicas"), "{}", said(&output));
}
