//! Boards and alerts, held against their tables, promtool and amtool. What a running platform feeds them with is tested
//! in `cli/tests/observed`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod committed;
mod names;
mod runbooks;
mod tools;
