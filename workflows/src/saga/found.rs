//! What is left of a saga that the store has lost: its effects, as participants remember them.
//!
//! From this a lost saga is made anew ([`Input::Found`](super::Input::Found)), only to be undone. Whose effects they are,
//! and whether they may be undone at all, is judged before (the engine's `orphans`); here is only what it takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Stamp;
use crate::Millis;

/// A lost saga.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// When it was started, as participants were told.
    pub at: Millis,
    /// What can be told of its input: what its steps were asked with.
    pub input: Value,
    /// The lists of its `each` steps, as far as they can be told.
    pub items: BTreeMap<String, Arc<Vec<Value>>>,
    /// Its effects.
    pub effects: Vec<Trace>,
    /// Who has found it, and why it is undone.
    pub stamp: Stamp,
}

/// One effect of a lost saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The unit of work: a step's id, or `step:item`.
    pub step: String,
    /// Generation of the effect: the last one, for those before it are closed.
    pub generation: u32,
    /// What is known.
    pub left: Left,
}

/// What is known of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "left", rename_all = "snake_case", deny_unknown_fields)]
pub enum Left {
    /// It happened.
    Happened {
        /// What the participant answered.
        output: Arc<Value>,
    },
    /// It may have happened, or may still.
    Open {},
    /// It did not, or is undone, and never will.
    Closed {
        /// The code of the participant's reason.
        code: String,
    },
}
