//! What watches a cluster: Gatekeeper's rules are those of the API server, word by word, and Falco's name what is there.

use std::collections::BTreeSet;

use impresario_k8s::edges;
use impresario_k8s::manifest::{Manifest, items};
use impresario_k8s::schema::Schemas;
use serde_json::Value;

use crate::files::{OVERLAYS, folder, overlay, read};

#[test]
fn gatekeeper_and_the_api_server_say_the_same() {
    let manifest = Manifest::parse(&read("guard/gatekeeper.yaml")).unwrap();
    let template = manifest
        .get("ConstraintTemplate", "impresariopods")
        .unwrap();
    let alone = Manifest {
        objects: vec![template.clone()],
    };
    let schemas = Schemas::read(&folder().join("schemas")).unwrap();
    assert_eq!(schemas.problems(&alone), Vec::<String>::new());

    let policies = Manifest::parse(&read("components/policies/admission.yaml")).unwrap();
    let policy = policies
        .get("ValidatingAdmissionPolicy", "impresario-pods")
        .unwrap();
    let code = template.at("/spec/targets/0/code/0");
    assert_eq!(code["engine"], "K8sNativeValidation");
    for field in ["failurePolicy", "variables", "validations"] {
        assert_eq!(
            code["source"][field],
            *policy.at(&format!("/spec/{field}")),
            "{field}"
        );
    }

    assert_eq!(
        template.at("/spec/targets/0/operations"),
        policy.at("/spec/matchConstraints/resourceRules/0/operations")
    );

    // The template's name is its kind in small letters; and both look at the pods of the same namespaces.
    let kind = template.text("/spec/crd/spec/names/kind");
    assert_eq!(template.name(), kind.to_lowercase());
    let constraint = manifest.get(kind, "impresario-pods").unwrap();
    assert_eq!(
        constraint.api_version(),
        "constraints.gatekeeper.sh/v1beta1"
    );
    assert_eq!(constraint.text("/spec/enforcementAction"), "deny");
    let binding = policies
        .get("ValidatingAdmissionPolicyBinding", "impresario-pods")
        .unwrap();
    assert_eq!(
        constraint.at("/spec/match/namespaceSelector"),
        binding.at("/spec/matchResources/namespaceSelector")
    );
    assert_eq!(constraint.at("/spec/match/kinds/0/kinds/0"), "Pod");
}

/// The parts of Falco's file: what each is called, and the words of its condition or the items of its list.
fn falco(text: &str, kind: &str) -> Vec<(String, Value)> {
    let all: Value = serde_saphyr::from_str(text).unwrap();
    let parts = items(&all).iter().filter(|part| part[kind].is_string());
    parts
        .map(|part| (part[kind].as_str().unwrap().to_owned(), part.clone()))
        .collect()
}

/// What is wrong with Falco's file: names of ours that are not there, or that nobody uses; fields that a rule lacks.
fn wrong(text: &str) -> Vec<String> {
    let (rules, macros, lists) = (
        falco(text, "rule"),
        falco(text, "macro"),
        falco(text, "list"),
    );
    let named: BTreeSet<&str> = macros
        .iter()
        .chain(&lists)
        .map(|(name, _)| name.as_str())
        .collect();
    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for (name, part) in rules.iter().chain(&macros) {
        let condition = part["condition"].as_str().unwrap_or_default();
        let words =
            condition.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '/'));
        for word in words.filter(|word| word.starts_with("impresario_")) {
            used.insert(word.to_owned());
            if !named.contains(word) {
                problems.push(format!("{name}: there is no {word}"));
            }
        }
    }
    problems.extend(
        named
            .iter()
            .filter(|name| !used.contains(**name))
            .map(|name| format!("nobody uses {name}")),
    );
    for (name, rule) in &rules {
        for field in ["desc", "condition", "output", "priority", "tags"] {
            if rule[field].is_null() {
                problems.push(format!("{name}: no {field}"));
            }
        }
        if !rule["output"]
            .as_str()
            .unwrap_or_default()
            .contains("%k8s.pod.name")
        {
            problems.push(format!("{name}: does not say where"));
        }
    }
    problems
}

#[test]
fn falco_knows_our_namespaces_and_ports_and_each_rule_names_what_is_there() {
    let text = read("guard/falco.yaml");
    assert_eq!(wrong(&text), Vec::<String>::new());
    let misspelt = text.replace(
        "and impresario_role and proc.exepath",
        "and impresario_rolle and proc.exepath",
    );
    assert_eq!(
        wrong(&misspelt),
        ["Impresario role runs another program: there is no impresario_rolle"]
    );

    let list = |wanted: &str| {
        let lists = falco(&text, "list");
        lists
            .into_iter()
            .find(|(name, _)| name == wanted)
            .unwrap()
            .1
    };
    let namespaces: BTreeSet<String> = OVERLAYS
        .iter()
        .map(|name| overlay(name).namespace().to_owned())
        .collect();
    let listed: BTreeSet<String> = items(&list("impresario_namespaces")["items"])
        .iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, namespaces);

    // A role's edges are what it may be seen to use; names and traces beside them.
    let page = read("../docs/operations.md");
    let ports: BTreeSet<i64> = items(&list("impresario_ports")["items"])
        .iter()
        .filter_map(Value::as_i64)
        .collect();
    for name in OVERLAYS {
        let roles = [
            "orchestrator",
            "catalog",
            "payment",
            "booking",
            "notification",
            "migrate",
            "provider",
        ];
        for edge in edges::documented(&page, name)
            .iter()
            .filter(|edge| roles.contains(&edge.from.as_str()))
        {
            assert!(ports.contains(&edge.port), "{name}: {edge} would be told");
        }
    }
}
