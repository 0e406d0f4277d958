//! The body of a journal row: all that one commit added to one saga, as JSON.

use impresario_workflows::Millis;
use impresario_workflows::saga::Event;
use serde::{Deserialize, Serialize};

/// One journal row's content. Fields are short because they are stored four times a saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Which commit wrote it: replica and counter. After an unclear answer it tells ours from another's.
    #[serde(rename = "c")]
    pub nonce: String,
    /// When it was decided.
    pub at: Millis,
    /// The inputs, in words.
    pub by: Vec<String>,
    /// The facts, in order.
    #[serde(rename = "ev")]
    pub events: Vec<Event>,
}
