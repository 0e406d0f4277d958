//! What a saga is, as values: no I/O, no async, no clock, no randomness.
//!
//! - [`check`]: every interleaving of a definition, proved or disproved;
//! - [`definition`]: YAML text to a checked [`Definition`], every problem found at once;
//! - [`graph`]: order of the steps, drawing;
//! - [`expression`]: `${{ }}` mappings and conditions;
//! - [`saga`]: `State`, `Event`, `Input`, and the two functions that everything rests on:
//!   [`saga::decide`] and [`saga::evolve`];
//! - [`simulate`]: many sagas with assumed participants, from a seed;
//! - [`script`]: test tables, scripted outcomes to expected ends;
//! - [`record`], [`replay`]: recorded sagas, and what a new definition would have made of them.
//!
//! Time, jitter and what the outside world looks like are arguments. The same functions run in production,
//! in tests and in every tool that reasons about a definition.

pub mod check;
#[cfg(feature = "seeded-defects")]
pub mod defect;
pub mod definition;
pub mod expression;
pub mod graph;
pub mod id;
pub mod record;
mod rehearse;
pub mod replay;
pub mod saga;
pub mod script;
mod sheet;
pub mod simulate;

pub use definition::{Definition, Step, StepIndex, StepSet};
pub use id::SagaId;

/// Instants and durations in this crate are milliseconds (instants since the Unix epoch, UTC).
pub type Millis = u64;
