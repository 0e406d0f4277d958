//! Everything asked of the world: one closed enum, carried out only after the commit that it rests on.

use serde_json::Value;

use super::Operation;
use crate::{Millis, StepIndex};

/// To be done after the commit. Doing it twice is harmless.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Send a task to a pool.
    Dispatch(Dispatch),
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The step.
    pub step: StepIndex,
    /// What is asked.
    pub operation: Operation,
    /// Pool that serves it.
    pub pool: String,
    /// Task name in the pool.
    pub task: String,
    /// Generation of the effect key.
    pub generation: u32,
    /// Attempt number.
    pub attempt: u32,
    /// Not to be started after this instant.
    pub not_after: Millis,
    /// How long the engine waits.
    pub timeout_ms: Millis,
    /// Input made by the definition's mapping.
    pub input: Value,
}
