//! Who may do what: the matrix of people, workloads and verbs, as the API server answers it.

use crate::kubectl::{applied, prepared, rendered, run};

/// Group or account, verb, resource, and whether it may.
const MATRIX: [(&str, &str, &str, bool); 26] = [
    ("impresario-viewers", "list", "pods", true),
    ("impresario-viewers", "get", "pods/log", true),
    ("impresario-viewers", "watch", "deployments.apps", true),
    (
        "impresario-viewers",
        "list",
        "horizontalpodautoscalers.autoscaling",
        true,
    ),
    ("impresario-viewers", "get", "secrets", false),
    ("impresario-viewers", "delete", "pods", false),
    ("impresario-viewers", "patch", "deployments.apps", false),
    ("impresario-viewers", "create", "pods/exec", false),
    ("impresario-viewers", "create", "pods/portforward", false),
    ("impresario-operators", "list", "pods", true),
    ("impresario-operators", "patch", "deployments.apps", true),
    (
        "impresario-operators",
        "patch",
        "deployments.apps/scale",
        true,
    ),
    ("impresario-operators", "delete", "pods", true),
    ("impresario-operators", "create", "pods/eviction", true),
    ("impresario-operators", "create", "pods/portforward", true),
    ("impresario-operators", "get", "secrets", false),
    ("impresario-operators", "create", "pods/exec", false),
    ("impresario-operators", "delete", "deployments.apps", false),
    (
        "impresario-operators",
        "delete",
        "persistentvolumeclaims",
        false,
    ),
    (
        "impresario-operators",
        "create",
        "rolebindings.rbac.authorization.k8s.io",
        false,
    ),
    ("account:orchestrator", "list", "pods", false),
    ("account:orchestrator", "get", "secrets", false),
    ("account:payment", "get", "secrets", false),
    ("account:payment", "get", "configmaps", false),
    ("account:migrate", "get", "secrets", false),
    ("account:default", "list", "pods", false),
];

#[test]
fn each_may_do_what_its_role_says_and_nothing_else() {
    prepared();
    let text = rendered("overlays/dev");
    for kind in ["Namespace", "Role", "RoleBinding", "ServiceAccount"] {
        let line = format!("kind: {kind}\n");
        for document in text.split("\n---\n").filter(|one| one.contains(&line)) {
            applied(document);
        }
    }
    for (who, verb, what, may) in MATRIX {
        for (namespace, may) in [("impresario-dev", may), ("kube-system", false)] {
            let (resource, within) = what.split_once('/').unwrap_or((what, ""));
            let subresource = format!("--subresource={within}");
            let mut words = vec!["auth", "can-i", verb, resource, "--namespace", namespace];
            if !within.is_empty() {
                words.push(&subresource);
            }
            let account;
            match who.strip_prefix("account:") {
                Some(name) => {
                    account = format!("system:serviceaccount:impresario-dev:{name}");
                    words.extend(["--as", &account]);
                }
                None => words.extend(["--as", "somebody", "--as-group", who]),
            }
            let answer = run(&words, "");
            let told = String::from_utf8_lossy(&answer.stdout).into_owned();
            let told = told.split_whitespace().next().unwrap_or_default();
            let wanted = if may { "yes" } else { "no" };
            assert_eq!(told, wanted, "{who} {verb} {what} in {namespace}");
        }
    }
}
