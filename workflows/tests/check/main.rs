//! The explorer at the door that people use, and its reductions against models without them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod counterexamples;
mod plain;
mod reductions;
mod second_opinion;
mod shipped;
mod size;
mod standing;
