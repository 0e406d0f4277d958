//! What must hold for every manifest: schemas, cross references, rules.

use std::collections::BTreeSet;

use impresario_k8s::schema::Schemas;
use impresario_k8s::secrets::{self, Secrets};
use impresario_k8s::{policy, references};

use crate::files::{folder, listed_secrets, manifests, overlay};

#[test]
fn every_field_is_known_and_of_its_type() {
    let schemas = Schemas::read(&folder().join("schemas")).unwrap();
    for (name, manifest) in manifests() {
        assert_eq!(schemas.problems(&manifest), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_misspelt_field_is_found_in_our_kinds_and_in_operators() {
    let schemas = Schemas::read(&folder().join("schemas")).unwrap();
    for (kind, name, pointer) in [
        ("Deployment", "payment", "/spec"),
        ("NetworkPolicy", "pools", "/spec/egress/0"),
        ("ScaledObject", "payment", "/spec"),
        ("Cluster", "postgres", "/spec/postgresql"),
        ("HTTPRoute", "edge", "/spec/rules/0"),
    ] {
        let mut manifest = overlay("prod");
        let object = manifest.get_mut(kind, name).unwrap();
        let place = object
            .value
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        place.insert("replicaz".into(), 3.into());
        let problems = schemas.problems(&manifest);
        assert_eq!(problems.len(), 1, "{kind}: {problems:?}");
        assert!(problems[0].contains("replicaz"), "{problems:?}");
    }
}

#[test]
fn whatever_is_named_is_there() {
    for (name, manifest) in manifests() {
        assert_eq!(
            references::problems(&manifest, &listed_secrets()),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn every_rule_holds() {
    for (name, manifest) in manifests() {
        assert_eq!(policy::problems(&manifest), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn production_needs_no_secret_that_somebody_types_in() {
    let nothing = Secrets::new();
    let manifest = overlay("prod");
    assert_eq!(
        references::problems(&manifest, &nothing),
        Vec::<String>::new()
    );
    // And elsewhere the list is what is read, no more and no less.
    let read: BTreeSet<String> = secrets::read(&overlay("staging")).into_keys().collect();
    let listed: BTreeSet<String> = listed_secrets().into_keys().collect();
    assert_eq!(read, listed);
}
