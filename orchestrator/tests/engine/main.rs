//! The engine on a real PostgreSQL, with a broker in the test's hands: every task is seen, every answer is
//! given to the replica of the test's choice. This is where the four rules of the lane are tested.
//!
//! Needs `DATABASE_URL` (`cargo xtask test` sets it); each test makes a database of its own. `real_broker` needs
//! `AMQP_URL` too.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing fixture fails its test"
)]

mod batch;
mod children;
mod clocks;
mod credit;
mod cut_off;
mod faults;
mod feed;
mod fixture;
mod foreign;
mod lost_answer;
mod once;
mod outage;
mod patience;
mod real_broker;
mod replicas;
mod retention;
mod storm;
mod story;
mod versions;
mod waiting;
