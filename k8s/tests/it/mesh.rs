//! Both meshes allow by identity what the network policies allow by address, and each difference is seen.

use impresario_k8s::manifest::Manifest;
use impresario_k8s::mesh;
use serde_json::{Value, json};

use crate::files::{kustomize, manifests};
use crate::policy::put;

#[test]
fn whatever_has_a_mesh_allows_the_same_edges_twice() {
    for (name, manifest) in manifests() {
        assert_eq!(mesh::problems(&manifest), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_difference_and_a_hole_are_seen() {
    let cases: [(&str, &str, &str, &str, Value, &str); 7] = [
        (
            "mesh-istio",
            "AuthorizationPolicy",
            "provider",
            "/spec/rules/0/from/0/source/serviceAccounts/0",
            json!("catalog"),
            "catalog -> provider 7071: only the mesh allows it",
        ),
        (
            "mesh-istio",
            "AuthorizationPolicy",
            "kafka-nodes",
            "/spec/rules/0/to/0/operation/ports/0",
            json!("9094"),
            "kafka -> kafka 9093: the mesh does not allow it",
        ),
        (
            "mesh-istio",
            "PeerAuthentication",
            "default",
            "/spec/mtls/mode",
            json!("PERMISSIVE"),
            "talk without a name is let in",
        ),
        (
            "mesh-istio",
            "Namespace",
            "impresario",
            "/metadata/labels/istio.io~1dataplane-mode",
            json!("none"),
            "the namespace is not in the mesh",
        ),
        (
            "mesh-linkerd",
            "Server",
            "orchestrator",
            "/spec/port",
            json!(7071),
            "provider -> orchestrator 7070: the mesh does not allow it",
        ),
        (
            "mesh-linkerd",
            "MeshTLSAuthentication",
            "provider",
            "/spec/identityRefs/0/name",
            json!("notification"),
            "notification -> provider 7071: only the mesh allows it",
        ),
        (
            "mesh-linkerd",
            "Namespace",
            "impresario",
            "/metadata/annotations/config.linkerd.io~1default-inbound-policy",
            json!("all-unauthenticated"),
            "the mesh denies nothing to begin with",
        ),
    ];
    for (name, kind, object, pointer, value, said) in cases {
        let Some(text) = kustomize(&format!("combinations/{name}")) else {
            return;
        };
        let mut manifest = Manifest::parse(&text).unwrap();
        put(&mut manifest, kind, object, pointer, value);
        let problems = mesh::problems(&manifest);
        assert!(
            problems.iter().any(|problem| problem == said),
            "{kind} {object}: {problems:?}"
        );
    }
}
