//! The RabbitMQ broker part against a real RabbitMQ, reached through `AMQP_URL`.
//!
//! Every test has pools and partitions of its own, so they run side by side on one broker. Faults are made
//! by a TCP proxy in front of it (`proxy`) and by deleting queues behind the engine's back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod announce;
mod faults;
mod fixture;
mod pools;
mod prefix;
mod proxy;
mod publish;
mod results;
