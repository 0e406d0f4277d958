//! The REST surface of one definition: its plural, and the check of what callers send.
//!
//! New sagas use the definition that is current when the request comes; its input schema is compiled when it
//! is first met, once for each content of a definition.

use std::sync::{Arc, PoisonError, RwLock};

use super::Api;
use super::problem::Problem;
use super::schema::{Schema, SchemaError};
use crate::store::definitions::Stored;

/// One definition's door.
pub(super) struct Surface {
    pub(super) api: Api,
    /// Name of the definition.
    pub(super) definition: String,
    /// Plural noun in its paths.
    pub(super) plural: String,
    compiled: RwLock<Arc<Compiled>>,
}

/// What a saga that starts now is made of.
pub(super) struct Compiled {
    pub(super) stored: Stored,
    /// What its input must be.
    pub(super) schema: Schema,
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

    pub(super) fn current(&self) -> Result<Arc<Compiled>, Problem> {
        let Some(stored) = self.api.engine.catalogue().current(&self.definition) else {
            let gone = format!("definition {} is gone", self.definition);
            return Err(Problem::internal(gone));
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
        let schema = Schema::compile(&stored.definition.input_schema)?;
        Ok(Compiled { stored, schema })
    }
}
