//! The REST surface of one definition: its plural, and the check of what callers send.
//!
//! New sagas use the definition that is current when the request comes; its input schema is compiled when it
//! is first met, once for each content of a definition.

use std::sync::{Arc, PoisonError, RwLock};

use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::Api;
use super::problem::{Code, FieldError, Problem};
use crate::store::definitions::Stored;

/// Problems that are listed at most: a body of 256 KiB can have very many.
const ERRORS_MAX: usize = 50;

/// One definition's door.
pub(super) struct Surface {
    pub(super) api: Api,
    /// Name of the definition.
    pub(super) definition: String,
    /// Plural noun in its paths.
    pub(super) plural: String,
    compiled: RwLock<Arc<Compiled>>,
}

/// A definition with its input schema compiled.
pub(super) struct Compiled {
    pub(super) stored: Stored,
    validator: Validator,
}

/// An input schema that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("the input schema of {definition} cannot be compiled: {reason}")]
pub(super) struct SchemaError {
    definition: String,
    reason: String,
}

impl Surface {
    pub(super) fn new(api: Api, plural: String, stored: Stored) -> Result<Surface, SchemaError> {
        Ok(Surface {
            api,
            definition: stored.definition.name.clone(),
            plural,
            compiled: RwLock::new(Arc::new(Compiled::new(stored)?)),
        })
    }

    /// What a saga that starts now is made of.
    pub(super) fn current(&self) -> Result<Arc<Compiled>, Problem> {
        let Some(stored) = self.api.engine.catalogue().current(&self.definition) else {
            return Err(Problem::internal(format!(
                "definition {} is gone",
                self.definition
            )));
        };
        let compiled = Arc::clone(&self.compiled.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&compiled.stored.definition, &stored.definition) {
            return Ok(compiled);
        }
        let compiled = Arc::new(Compiled::new(stored).map_err(Problem::internal)?);
        *self
            .compiled
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::clone(&compiled);
        Ok(compiled)
    }
}

impl Compiled {
    fn new(stored: Stored) -> Result<Compiled, SchemaError> {
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&stored.definition.input_schema)
            .map_err(|error| SchemaError {
                definition: stored.definition.name.clone(),
                reason: error.to_string(),
            })?;
        Ok(Compiled { stored, validator })
    }

    /// Checks what a saga is to be started with; every problem is listed.
    pub(super) fn check(&self, input: &Value) -> Result<(), Problem> {
        if self.validator.is_valid(input) {
            return Ok(());
        }
        let mut errors: Vec<FieldError> = self
            .validator
            .iter_errors(input)
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

/// The sentence is masked: it never repeats what the caller sent, which may be a secret.
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
