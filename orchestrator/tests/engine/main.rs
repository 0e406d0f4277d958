//! The engine on a real PostgreSQL, with a broker in the test's hands: every task is seen, every answer is
//! given to the replica of the test's choice. This is where the four rules of the lane are tested.
//!
//! Needs `DATABASE_URL` (`cargo xtask test` sets it); each test makes a database of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing fixture fails its test"
)]

mod batch;
mod children;
mod faults;
mod fixture;
mod lost_answer;
mod outage;
mod patience;
mod replicas;
mod retention;
mod story;
mod waiting;
