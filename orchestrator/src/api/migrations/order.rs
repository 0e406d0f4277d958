//! What the body of a migration says.

use std::collections::BTreeMap;

use impresario_workflows::SagaId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::sagas::LIMIT_MAX;
use crate::store::definitions::Version;

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) from: Named,
    pub(super) to: Named,
    /// Only this saga.
    #[serde(default)]
    pub(super) saga: Option<SagaId>,
    /// Names and values as in the query of `GET /v1/sagas`.
    #[serde(default)]
    pub(super) filters: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) limit: Option<u32>,
    #[serde(default)]
    pub(super) cursor: Option<String>,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) reason: String,
}

/// A version by its number or its hash.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    Number(u32),
    Hash(String),
}

impl From<Named> for Version {
    fn from(named: Named) -> Version {
        match named {
            Named::Number(number) => Version::Number(number),
            Named::Hash(hash) => Version::Hash(hash),
        }
    }
}

/// What the body must be.
pub(in super::super) fn schema() -> Value {
    let version = |description: &str| {
        json!({
            "description": description,
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": i32::MAX },
                { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            ],
        })
    };
    json!({
        "type": "object",
        "required": ["from", "to"],
        "additionalProperties": false,
        "properties": {
            "from": version("The version that sagas leave: its number, or the hash of its content"),
            "to": version("The version that they go on under"),
            "saga": { "type": "string", "format": "uuid", "description": "Only this saga" },
            "filters": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "maxProperties": 20,
                "description": "Only sagas that `GET /v1/sagas` finds by these; `definition` is in the path",
            },
            "limit": { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "description": "Sagas on one page" },
            "cursor": { "type": "string", "description": "Where the page before ended" },
            "dry_run": { "type": "boolean", "description": "Only tell what would become of them" },
            "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "Why, in your words" },
        },
        "if": { "properties": { "dry_run": { "const": true } }, "required": ["dry_run"] },
        "else": { "required": ["reason"] },
    })
}
