//! `${{ }}` mappings and conditions.
//!
//! A [`Mapping`] is a JSON template compiled once and evaluated for every attempt; a [`Condition`] is a bare
//! expression that is true or false. Both say statically what they read ([`Mapping::references`]), so that a
//! definition with a typo in a path is refused before it runs.
//!
//! Expressions are pure and bounded: no clock, no randomness, no functions, at most [`SOURCE_BYTES_MAX`] of
//! text and [`FUEL`] steps of evaluation. Most are only a dotted path, perhaps with a default; those are resolved
//! directly on the JSON values (`path`, `fallback`) and never meet the expression language (`compiled`), because they are on the engine's
//! hottest path.
//!
//! Not here: whether the steps and fields that are read exist, and come before (`definition`).

mod backwards;
mod compiled;
mod condition;
mod equal;
mod expr;
mod fallback;
mod filters;
mod mapping;
mod path;
mod problem;
mod text;

use serde_json::Value;
use thiserror::Error;

use crate::Millis;

pub use condition::Condition;
pub(crate) use equal::Equal;
pub use mapping::Mapping;
pub(crate) use mapping::Use;
pub use path::{Reference, SagaField};
pub use problem::{ExpressionProblem, ProblemKind};

/// Longest source of one expression. Parsing recurses; a source of this size cannot exhaust the stack.
pub const SOURCE_BYTES_MAX: usize = 4096;

/// Evaluation steps after which an expression is stopped.
pub const FUEL: u64 = 20_000;

/// What an expression can see.
pub struct Scope<'a> {
    /// The saga's input.
    pub input: &'a Value,
    /// Output of a step: `None` while it has none, null when it was skipped.
    pub outputs: &'a dyn Fn(&str) -> Option<&'a Value>,
    /// Facts of the saga itself.
    pub saga: SagaFacts<'a>,
    /// The item that a unit of an `each` step works on.
    pub item: Option<&'a Value>,
    /// The payload that a `match` looks at.
    pub signal: Option<&'a Value>,
}

/// What an expression can see of the saga itself.
#[derive(Clone, Copy, Debug)]
pub struct SagaFacts<'a> {
    /// Its id, as people write it.
    pub id: &'a str,
    /// When it started.
    pub started_at: Millis,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvaluateError {
    /// It reads something that does not exist (yet).
    #[error("`{path}` has no value")]
    Missing {
        /// The dotted path that was read.
        path: String,
    },
    /// It went wrong while it was evaluated.
    #[error("`{expression}`: {reason}")]
    Failed {
        /// The expression.
        expression: String,
        /// What went wrong.
        reason: String,
    },
    /// A condition came out as something else than true or false.
    #[error("`{expression}` must be true or false, and is {found}")]
    NotBool {
        /// The condition.
        expression: String,
        /// The kind of JSON value that it gave.
        found: &'static str,
    },
}

/// Name of a JSON value's kind, for sentences.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
