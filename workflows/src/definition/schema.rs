//! The JSON Schema of definition files, for editors.
//!
//! Generated from the types of the file; the committed copy is `sagas/saga.schema.json`, and a test compares.
//! It knows shapes and names, not meaning: what the checks find, only the parser finds.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::file::{SagaFile, UndoFile};

/// The JSON Schema of a definition file.
pub fn json_schema_of_files() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<SagaFile>()
        .to_value();
    without_null(&mut schema);
    schema
}

/// A key is there or not; it is never null, though the types' `Option` is taken to mean that.
fn without_null(schema: &mut Value) {
    let is_null = |alternative: &Value| {
        alternative == "null" || *alternative == serde_json::json!({ "type": "null" })
    };
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(without_null);
            if let Some(Value::Array(kinds)) = keywords.get_mut("type") {
                kinds.retain(|kind| !is_null(kind));
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    keywords.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(alternatives)) = keywords.get_mut("anyOf") {
                alternatives.retain(|alternative| !is_null(alternative));
                if let [Value::Object(only)] = alternatives.as_slice() {
                    let only = only.clone();
                    keywords.remove("anyOf");
                    keywords.extend(only);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$" })
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
}

pub(super) fn task(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[a-z][a-z0-9-]{0,62}/[a-z][a-z0-9-]{0,62}$",
    })
}

pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[0-9]+(ms|s|m|h|d)$",
        "examples": ["500ms", "5s", "15m", "2h", "7d"],
    })
}

pub(super) fn timeout(generator: &mut SchemaGenerator) -> Schema {
    let one = duration(generator);
    json_schema!({
        "anyOf": [
            one,
            {
                "type": "object",
                "additionalProperties": false,
                "properties": { "attempt": one, "queue": one, "step": one, "heartbeat": one },
            },
        ],
    })
}

pub(super) fn signal(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9.-]{0,62}$" })
}

pub(super) fn items(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": crate::definition::ITEMS_MAX })
}

pub(super) fn dispatch(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": "once" })
}

pub(super) fn on_failure(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["fail", "continue", "park"] })
}

pub(super) fn output(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

pub(super) fn attempts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "unlimited" }] })
}

pub(super) fn backoff(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": "exponential" })
}

pub(super) fn on_deadline(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": "compensate" })
}

pub(super) fn on_unknown(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["retry", "reconcile", "compensate", "operator"] })
}

pub(super) fn importance(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["low", "normal"] })
}

pub(super) fn input(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "required": ["type"], "properties": { "type": { "const": "object" } } })
}

pub(super) fn compensate(generator: &mut SchemaGenerator) -> Schema {
    let by = generator.subschema_for::<UndoFile>();
    json_schema!({ "anyOf": [{ "const": "none" }, by] })
}
