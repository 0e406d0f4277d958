//! The heart on the bench: stories for each sentence that must hold, laws over random lives, the table of all
//! transitions, and yesterday's bytes.
//!
//! Every decision in these tests passes through `bench::laws`, whatever the test is about.

// What the tests share may fail loudly: that is what it is for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod golden;
mod properties;
mod scenarios;
mod table;
mod views;
