//! What the body says: a page of what was read from the barriers.

use impresario_workflows::SagaId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::problem::{Code, FieldError, Problem};
use crate::orphans::{Kept, Remembered};

/// Sagas on a page at most.
const SAGAS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    /// The pools whose barriers were read to their end.
    pub(super) pools: Vec<String>,
    pub(super) sagas: Vec<Remembered>,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) reason: String,
}

impl Order {
    /// The body, which fits the schema; each effect belongs to its saga.
    pub(super) fn read(content: Value) -> Result<Order, Problem> {
        let order: Order = serde_json::from_value(content)
            .map_err(|error| Problem::new(Code::InvalidInput, format!("The body: {error}.")))?;
        for (number, saga) in order.sagas.iter().enumerate() {
            let part = saga.id.effect_part();
            let stray = saga
                .effects
                .iter()
                .position(|effect| effect.effect.saga != part);
            if let Some(effect) = stray {
                return Err(stray_effect(saga.id, number, effect));
            }
        }
        Ok(order)
    }
}

fn stray_effect(saga: SagaId, number: usize, effect: usize) -> Problem {
    let error = FieldError {
        pointer: format!("/sagas/{number}/effects/{effect}/effect"),
        code: "other_saga".to_owned(),
        detail: format!("It is no effect of saga {saga}."),
    };
    Problem::new(Code::InvalidInput, "An effect belongs to another saga.").with_errors(vec![error])
}

/// What the body must be.
pub(in super::super) fn schema() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 63 });
    let optional = json!({ "type": ["string", "null"], "maxLength": 100 });
    let instant = json!({ "type": "integer", "minimum": 0, "description": "Unix milliseconds" });
    json!({
        "type": "object",
        "required": ["pools", "sagas"],
        "additionalProperties": false,
        "properties": {
            "pools": {
                "type": "array", "maxItems": 100, "items": name,
                "description": "The pools whose barriers were read to their end",
            },
            "sagas": {
                "type": "array", "maxItems": SAGAS_MAX,
                "items": {
                    "type": "object",
                    "required": ["id", "started_at", "effects"],
                    "additionalProperties": false,
                    "properties": {
                        "id": { "type": "string", "format": "uuid" },
                        "definition": optional,
                        "version": { "type": ["string", "null"], "pattern": "^[0-9a-f]{16,64}$" },
                        "parent": optional,
                        "started_at": instant,
                        "effects": { "type": "array", "items": effect(&instant) },
                    },
                },
            },
            "dry_run": { "type": "boolean", "description": "Only tell what would become of them" },
            "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "Why, in your words" },
        },
        "if": { "properties": { "dry_run": { "const": true } }, "required": ["dry_run"] },
        "else": { "required": ["reason"] },
    })
}

/// A barrier row.
fn effect(instant: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["effect", "pool", "task", "state", "at"],
        "additionalProperties": false,
        "properties": {
            "effect": { "type": "string", "pattern": "^[^/]+/[^/]+/forward/[1-9][0-9]*$" },
            "pool": { "type": "string", "minLength": 1, "maxLength": 63 },
            "task": { "type": "string", "maxLength": 100 },
            "state": { "enum": Kept::ALL },
            "at": instant,
            "input": { "description": "What the forward task was asked with" },
            "outcome": { "description": "Its output, or why it was rejected" },
        },
    })
}
