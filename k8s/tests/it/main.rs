//! The manifests as they are committed, and every combination of components that has to compose.
//!
//! What needs Kustomize runs where `kubectl` is; the committed rendering needs nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod database;
mod delivery;
mod documents;
mod edge;
mod files;
mod guard;
mod holds;
mod kafka;
mod mesh;
mod nowhere;
mod policy;
mod product;
#[cfg(target_os = "linux")]
mod redis;
mod rendering;
mod scaling;
