//! The doors: text to definition, and stored content to definition.
//!
//! A file passes through five rooms: `yaml` (text to tree), `read` (tree to typed file), `plan` (its graph),
//! `check` (what must hold), `build` (the definition). Each notes what it finds and lets the next one look, as
//! far as there is something to look at.

use serde_json::Value;
use thiserror::Error;

use super::check::Pivots;
use super::diagnostic::Diagnostic;
use super::input_schema::InputSchema;
use super::model::Definition;
use super::node::Node;
use super::plan::Plan;
use super::read::{self, Reader};
use super::source::Source;
use super::{build, canonical, check, render, shipped, yaml};

/// What came of checking a file.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The definition, unless there are errors.
    pub definition: Option<Definition>,
    /// Everything that was found, in the order of the file: errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why stored content is not a definition of this version of the program.
#[derive(Debug, Error)]
pub enum FromCanonicalError {
    /// It is not JSON.
    #[error("the stored definition is not JSON")]
    Json(#[source] serde_json::Error),
    /// It has problems: it was written by a newer version, or damaged.
    #[error("the stored definition is refused:\n{}", render::render(.0, "stored definition", ""))]
    Refused(Vec<Diagnostic>),
}

impl Definition {
    /// Reads a definition file. `source_name` names it in what people read.
    ///
    /// Refused with everything that was found, warnings among it; see [`Definition::check`] for the warnings of
    /// a definition that is accepted.
    pub fn parse(source_name: &str, text: &str) -> Result<Definition, Vec<Diagnostic>> {
        let Checked {
            definition,
            diagnostics,
        } = Definition::check(source_name, text);
        definition.ok_or(diagnostics)
    }

    /// Reads a definition file and tells everything about it. Of other sagas those are known that come with the
    /// program.
    pub fn check(source_name: &str, text: &str) -> Checked {
        Definition::check_among(source_name, text, &shipped::has_pivot)
    }

    /// The same among other sagas, of which `pivots` tells whether they have one.
    pub fn check_among(source_name: &str, text: &str, pivots: &Pivots<'_>) -> Checked {
        let source = Source::of(text);
        match yaml::parse(text) {
            Ok(node) => compile(Reader::new(source), &node, |reader, plan, schema| {
                check::everything(reader, plan, schema, pivots);
            }),
            Err(diagnostic) => Checked {
                definition: None,
                diagnostics: vec![diagnostic],
            },
        }
        .from(source_name)
    }

    /// Reads stored content ([`Definition::canonical`]) back: the same definition with the same hash.
    ///
    /// Rules about what is wise may become stricter over time, and sagas of yesterday must still run: only what
    /// the engine cannot do without is checked here.
    pub fn from_canonical(text: &str) -> Result<Definition, FromCanonicalError> {
        let value: Value = serde_json::from_str(text).map_err(FromCanonicalError::Json)?;
        let node = Node::from_json(&value);
        let checked = compile(Reader::new(Source::nowhere()), &node, check::indispensable);
        checked
            .definition
            .ok_or(FromCanonicalError::Refused(checked.diagnostics))
    }
}

impl Checked {
    fn from(mut self, source_name: &str) -> Checked {
        for diagnostic in &mut self.diagnostics {
            source_name.clone_into(&mut diagnostic.source_name);
        }
        self
    }
}

fn compile(
    mut reader: Reader<'_>,
    node: &Node,
    checks: impl FnOnce(&mut Reader<'_>, &Plan<'_>, &InputSchema),
) -> Checked {
    reader.duplicates(node);
    let file = read::saga(&mut reader, node);
    let definition = file.as_ref().and_then(|file| {
        let schema = check::input_schema(&mut reader, file);
        let plan = Plan::link(&mut reader, file)?;
        checks(&mut reader, &plan, &schema);
        let refused = reader.diagnostics.iter().any(Diagnostic::is_error);
        if refused {
            None
        } else {
            build::definition(&plan, schema, canonical::text(&node.to_json()))
        }
    });
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by_key(|found| (found.line, found.column, found.code));
    Checked {
        definition,
        diagnostics,
    }
}
