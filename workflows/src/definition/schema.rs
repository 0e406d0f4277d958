//! The JSON Schema of definition files, for editors.
//!
//! Generated from the types of the file; the committed copy is `sagas/saga.schema.json`, and a test compares.
//! It knows shapes and names, not meaning: what the checks find, only the parser finds.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::file::{SagaFile, UndoFile};

/// The JSON Schema of a definition file.
pub fn json_schema_of_files() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<SagaFile>()
        .to_value()
}

pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$" })
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
