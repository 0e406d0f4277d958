//! The barrier: one row per effect key that makes an effect happen at most once and remembers the answer.
//!
//! The row is written in the participant's own transaction with the effect, so both exist or neither does.
//! Whoever inserts the row first decides: the forward task, or the compensation with its tombstone. A second
//! one waits for the first transaction on the primary key, for at most the connection's lock timeout.
//!
//! Here: reading and writing rows ([`row`]), what a found row means ([`meaning`]), since when the barrier is
//! complete ([`horizon`]), what was forgotten and is known elsewhere ([`adopt`]). Who runs what in which order is in `execute`.

pub mod adopt;
mod hash;
pub(crate) mod horizon;
mod listing;
pub(crate) mod meaning;
pub(crate) mod row;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use horizon::{Barrier, BarrierError};
pub use listing::EffectRecord;

use crate::HandlerError;

/// What is known about an effect. See `workers/sdk/migrations/0001_barrier.sql`.
///
/// ```text
/// (no row) -> succeeded | rejected                         in one transaction with the effect
/// (no row) -> intent -> succeeded | rejected               effects outside the database
/// (no row) -> tombstone                                    undone or closed before it ran
/// intent   -> closing -> tombstone | undoing               compensation asks the provider first
/// succeeded -> (undoing ->) compensated                    undoing only outside the database
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectState {
    /// About to ask the provider; it may have happened.
    Intent,
    /// Happened; the outcome is its output.
    Succeeded,
    /// Did not and never will; the outcome is the problem.
    Rejected,
    /// A compensation is closing the key at the provider.
    Closing,
    /// Happened, and is being undone at the provider.
    Undoing,
    /// Never happened and never will.
    Tombstone,
    /// Happened and was undone.
    Compensated,
}

impl EffectState {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            EffectState::Intent => "intent",
            EffectState::Succeeded => "succeeded",
            EffectState::Rejected => "rejected",
            EffectState::Closing => "closing",
            EffectState::Undoing => "undoing",
            EffectState::Tombstone => "tombstone",
            EffectState::Compensated => "compensated",
        }
    }

    fn parse(word: &str) -> Result<Self, HandlerError> {
        let all = [
            EffectState::Intent,
            EffectState::Succeeded,
            EffectState::Rejected,
            EffectState::Closing,
            EffectState::Undoing,
            EffectState::Tombstone,
            EffectState::Compensated,
        ];
        all.into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| HandlerError::Broken(format!("barrier state `{word}`")))
    }
}

/// The forward effect that a compensation undoes, as the barrier remembers it.
#[derive(Clone, Debug)]
pub struct ForwardEffect {
    /// The forward task's name.
    pub task: String,
    /// Its input.
    pub input: Value,
    /// Its output.
    pub output: Value,
}

impl ForwardEffect {
    /// The stored input, typed.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, HandlerError> {
        T::deserialize(&self.input).map_err(|error| {
            HandlerError::Broken(format!("stored input of {}: {error}", self.task))
        })
    }

    /// The stored output, typed.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, HandlerError> {
        T::deserialize(&self.output).map_err(|error| {
            HandlerError::Broken(format!("stored output of {}: {error}", self.task))
        })
    }
}
