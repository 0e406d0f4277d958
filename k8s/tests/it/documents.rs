//! The documentation's list of who talks to whom is what the policies allow.

use impresario_k8s::edges;

use crate::files::{OVERLAYS, overlay, read};

#[test]
fn the_service_graph_of_the_documentation_is_what_the_policies_allow() {
    let page = read("../docs/operations.md");
    for name in OVERLAYS {
        let (allowed, halves) = edges::allowed(&overlay(name));
        assert_eq!(halves, Vec::<String>::new(), "{name}");
        let documented = edges::documented(&page, name);
        let only = |one: &std::collections::BTreeSet<_>,
                    other: &std::collections::BTreeSet<edges::Edge>| {
            let edges: Vec<String> = one.difference(other).map(ToString::to_string).collect();
            edges
        };
        assert_eq!(
            only(&allowed, &documented),
            Vec::<String>::new(),
            "{name}: allowed, not documented"
        );
        assert_eq!(
            only(&documented, &allowed),
            Vec::<String>::new(),
            "{name}: documented, not allowed"
        );
    }
}
