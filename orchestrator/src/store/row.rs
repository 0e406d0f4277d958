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

/// The same, borrowed: what the lane writes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BodyRef<'a> {
    /// See [`Body`].
    #[serde(rename = "c")]
    pub nonce: &'a str,
    /// See [`Body`].
    pub at: Millis,
    /// See [`Body`].
    pub by: &'a [String],
    /// See [`Body`].
    #[serde(rename = "ev")]
    pub events: &'a [Event],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let body = Body {
            nonce: "a.1".into(),
            at: 7,
            by: vec!["timer".into()],
            events: vec![Event::Undone {
                step: "hold".into(),
            }],
        };
        let written = BodyRef {
            nonce: &body.nonce,
            at: body.at,
            by: &body.by,
            events: &body.events,
        };
        let bytes = serde_json::to_vec(&written).unwrap();
        assert_eq!(bytes, serde_json::to_vec(&body).unwrap());
        assert_eq!(serde_json::from_slice::<Body>(&bytes).unwrap(), body);
    }
}
