//! From YAML text to a checked definition, with every problem found at once.
//!
//! Come in by [`Definition::parse`], [`Definition::check`] or [`Definition::from_canonical`]; what comes out is in
//! [`model`]. The language itself is described in `docs/definitions.md`.

mod build;
mod canonical;
mod check;
mod code;
mod diagnostic;
pub mod diff;
pub(crate) mod duration;
mod file;
mod input_schema;
mod invariant;
pub mod model;
mod node;
mod parse;
mod plan;
mod policy;
mod read;
mod render;
mod schema;
mod shipped;
mod source;
mod suggest;
mod yaml;
mod yaml_error;

pub(crate) use input_schema::{Declared, InputSchema};

pub use check::Pivots;
pub use diagnostic::{Diagnostic, Severity};
pub use invariant::Invariant;
pub use model::*;
pub use parse::{Checked, FromCanonicalError};
pub use render::render;
pub use schema::json_schema_of_files;
pub use shipped::SHIPPED;
pub(crate) use suggest::nearest;
pub use yaml::TEXT_BYTES_MAX;
