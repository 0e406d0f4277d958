//! Makes sagas durable: lanes that decide, a Postgres store, a broker that carries tasks, the REST API.
//!
//! [`Engine`] is what a process starts and talks to. Inside, `store`, `broker` and `lane` each have one job:
//! the store and the broker never name each other, the lane drives both through their ports, and `engine`
//! alone wires everything.

mod announce;
pub mod api;
pub mod broker;
mod catch_up;
mod children;
pub mod clock;
mod engine;
pub mod feed;
pub mod feeding;
pub mod fresh;
pub mod hub;
pub mod lane;
mod measure;
pub mod migrations;
pub mod orphans;
mod retention;
mod spans;
pub mod store;
mod upkeep;

pub use engine::{Engine, EngineError, Options};
pub use spans::SERVICE;
