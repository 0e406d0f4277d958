//! The SDK against a real PostgreSQL (`DATABASE_URL`) and a real RabbitMQ (`AMQP_URL`).

mod amqp;
mod barrier;
mod batch;
mod external;
mod fixture;
mod horizon;
mod poison;
mod runtime;
