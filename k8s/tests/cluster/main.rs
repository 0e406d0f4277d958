//! The manifests on a real control plane, which `cargo xtask cluster-test` has started: KUBECONFIG names it.
//!
//! The tests share it and run one after another; each says which namespace it changes. No container runs there, so what
//! needs one is not here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod apply;
mod deploy;
mod kubectl;
mod network;
mod people;
mod scale;
