//! How a saga can be found: its business key and attributes, made from the start's input.
//!
//! What cannot be made is left out: these are for finding a saga, not for running it.

use serde_json::{Map, Value};

use super::State;
use crate::definition::Definition;

/// What lists and searches know of a saga.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    /// Business key in text form.
    pub key: Option<String>,
    /// Attributes by name.
    pub attributes: Map<String, Value>,
}

impl State {
    /// Evaluates the definition's `key` and `attributes`.
    pub fn describe(&self, definition: &Definition) -> Described {
        let evaluate = |mapping: &crate::expression::Mapping| {
            self.with_scope(definition, |scope| mapping.evaluate(scope))
                .ok()
        };
        let key = definition
            .key
            .as_ref()
            .and_then(evaluate)
            .and_then(|value| match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            });
        let attributes = definition
            .attributes
            .iter()
            .filter_map(|(name, mapping)| Some((name.clone(), evaluate(mapping)?)))
            .filter(|(_, value)| !value.is_null())
            .collect();
        Described { key, attributes }
    }
}
