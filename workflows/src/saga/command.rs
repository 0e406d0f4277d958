//! Everything asked of the world: one closed enum, carried out only after the commit that it rests on.

use serde_json::Value;

use super::{Operation, Outcome, Parent, UnitIndex};
use crate::Millis;

/// To be done after the commit. Doing it twice is harmless.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Send a task to a pool.
    Dispatch(Dispatch),
    /// Tell the saga that runs this one as a step how it ended.
    Report(Report),
}

/// A child's end, as an answer to its parent's step.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The parent, and its unit of work.
    pub parent: Parent,
    /// Which operation it answers.
    pub operation: Operation,
    /// The answer.
    pub outcome: Outcome,
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The unit of work.
    pub step: UnitIndex,
    /// Its name, in effect keys and answers: the step's id, or `step:item`.
    pub unit: String,
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
    /// The longest silence of a worker, when the definition says one.
    pub heartbeat_ms: Option<Millis>,
    /// Input made by the definition's mapping.
    pub input: Value,
}
