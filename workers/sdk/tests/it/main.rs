//! The SDK against a real PostgreSQL (`DATABASE_URL`) and a real RabbitMQ (`AMQP_URL`).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod amqp;
mod barrier;
mod batch;
mod external;
mod external_sets;
mod fixture;
mod horizon;
mod long;
mod poison;
mod runtime;
mod waiting;
