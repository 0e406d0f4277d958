//! Every step of the shipped booking saga, failed in every way, and each other shipped saga well and at its worst, with the real engine, PostgreSQL, RabbitMQ, pools
//! and payment provider in one process, and faults between the broker and the workers.
//!
//! After each story seats and money are counted: a completed booking has its seats sold, one charge of exactly
//! the price and its tickets; an undone one has nothing. Stories run side by side, each with its own seat.
//!
//! Needs `DATABASE_URL` and `AMQP_URL` (`cargo xtask test` sets them).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing fixture fails its test"
)]

mod cancellation;
mod conservation;
mod elsewhere;
mod faults;
mod group;
mod hall;
mod hasty;
mod late;
mod lost_tail;
mod money;
mod once;
mod orphans;
mod refund;
mod stuck;
mod transfer;
mod unanswered;
mod waitlist;
mod world;
