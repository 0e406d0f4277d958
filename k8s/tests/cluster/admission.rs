//! What the API server refuses: pods that may do too much, and images without a version.

use serde_json::{Value, json};

use crate::kubectl::{applied, apply, prepared, rendered, said, wait_until};

/// A pod that obeys every rule, in the namespace that production has.
fn decent() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "visitor", "namespace": "impresario" },
        "spec": { "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": "one", "image": "example.org/one:1",
                "resources": { "requests": { "cpu": "1m" }, "limits": { "memory": "1Mi" } },
                "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] } } }] } })
}

fn refused(pointer: &str, value: Value) -> Option<String> {
    let mut pod = decent();
    *pod.pointer_mut(pointer).unwrap() = value;
    let output = apply(&pod.to_string(), &["--dry-run=server"]);
    (!output.status.success()).then(|| said(&output))
}

#[test]
fn a_pod_that_may_be_root_or_escalate_is_refused() {
    prepared();
    let text = rendered("overlays/prod");
    applied(
        text.split("\n---\n")
            .find(|one| one.contains("kind: Namespace"))
            .unwrap(),
    );
    wait_until("a decent pod is admitted", || {
        let output = apply(&decent().to_string(), &["--dry-run=server"]);
        if output.status.success() {
            Ok(())
        } else {
            Err(said(&output))
        }
    });
    for (pointer, value) in [
        ("/spec/securityContext/runAsUser", json!(0)),
        ("/spec/securityContext/runAsNonRoot", json!(false)),
        (
            "/spec/containers/0/securityContext/allowPrivilegeEscalation",
            json!(true),
        ),
        ("/spec/containers/0/securityContext/capabilities", json!({})),
    ] {
        let told = refused(pointer, value).unwrap_or_else(|| panic!("{pointer} is admitted"));
        assert!(told.contains("violates PodSecurity \"restricted"), "{told}");
    }
}

#[test]
fn what_pod_security_does_not_say_is_refused_by_our_own_policy() {
    prepared();
    let text = rendered("overlays/prod");
    for document in text.split("\n---\n") {
        if document.contains("kind: Namespace")
            || document.contains("kind: ValidatingAdmissionPolicy")
        {
            applied(document);
        }
    }
    for (pointer, value, message) in [
        (
            "/spec/containers/0/image",
            json!("example.org/one:latest"),
            "latest is none",
        ),
        (
            "/spec/containers/0/image",
            json!("example.org:5000/one"),
            "latest is none",
        ),
        (
            "/spec/containers/0/securityContext/readOnlyRootFilesystem",
            json!(false),
            "read-only",
        ),
        (
            "/spec/automountServiceAccountToken",
            json!(true),
            "no token",
        ),
    ] {
        // A new policy takes a moment to be known.
        wait_until(message, || match refused(pointer, value.clone()) {
            Some(told) if told.contains(message) => Ok(()),
            other => Err(format!("{pointer}: {other:?}")),
        });
    }
    wait_until("a decent pod is admitted", || {
        let output = apply(&decent().to_string(), &["--dry-run=server"]);
        if output.status.success() {
            Ok(())
        } else {
            Err(said(&output))
        }
    });
}
