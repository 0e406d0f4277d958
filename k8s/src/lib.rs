//! The manifests of `k8s/`, read and judged: what tests say about them before a cluster does.
//!
//! Everything works on rendered YAML, so that it sees what a cluster would get. A check gives sentences, one for each
//! thing that is wrong; none means that it holds. Not here: making manifests (Kustomize does), and what only a real
//! API server can tell (`cargo xtask cluster-test`).

pub mod edges;
pub mod manifest;
pub mod mesh;
pub mod policy;
pub mod references;
pub mod scaling;
pub mod schema;
pub mod secrets;
