//! What is committed is what Kustomize makes.

use crate::files::{OVERLAYS, kustomize, read};

#[test]
fn the_committed_rendering_is_what_kustomize_makes() {
    for name in OVERLAYS {
        let Some(made) = kustomize(&format!("overlays/{name}")) else {
            return;
        };
        assert_eq!(
            made,
            read(format!("rendered/{name}.yaml")),
            "{name} is stale: k8s/render.sh makes it anew"
        );
    }
}
