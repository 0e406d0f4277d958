//! Checks a body against a JSON Schema, and lists every problem with its place.
//!
//! The sentences are masked: they never repeat what the caller sent, which may be a secret.

use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::problem::{Code, FieldError, Problem};

/// Problems that are listed at most: a body of 256 KiB can have very many.
const ERRORS_MAX: usize = 50;

/// A compiled schema (draft 2020-12, formats are checked).
pub(super) struct Schema(Validator);

/// A schema that is none.
#[derive(Debug, thiserror::Error)]
#[error("the schema cannot be compiled: {reason}")]
pub(super) struct SchemaError {
    reason: String,
}

impl Schema {
    pub(super) fn compile(schema: &Value) -> Result<Schema, SchemaError> {
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(schema)
            .map(Schema)
            .map_err(|error| SchemaError {
                reason: error.to_string(),
            })
    }

    /// Every problem of a body, in the order of the places.
    pub(super) fn check(&self, body: &Value) -> Result<(), Problem> {
        if self.0.is_valid(body) {
            return Ok(());
        }
        let mut errors: Vec<FieldError> = self
            .0
            .iter_errors(body)
            .take(ERRORS_MAX)
            .map(field_error)
            .collect();
        errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        let detail = match errors.len() {
            1 => "One thing in the body is not as it should be.".to_owned(),
            many => format!("{many} things in the body are not as they should be."),
        };
        Err(Problem::new(Code::InvalidInput, detail).with_errors(errors))
    }
}

fn field_error(error: ValidationError<'_>) -> FieldError {
    FieldError {
        pointer: error.instance_path().to_string(),
        code: snake_case(error.kind().keyword()),
        detail: error.masked().to_string(),
    }
}

/// `additionalProperties` as `additional_properties`, like every other code.
fn snake_case(keyword: &str) -> String {
    keyword.chars().fold(
        String::with_capacity(keyword.len() + 2),
        |mut word, character| {
            if character.is_ascii_uppercase() {
                word.push('_');
            }
            word.push(character.to_ascii_lowercase());
            word
        },
    )
}
