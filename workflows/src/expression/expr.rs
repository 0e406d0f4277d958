//! One expression: a dotted path, or something for the expression language.

use std::sync::Arc;

use serde_json::Value;

use super::compiled::Compiled;
use super::fallback;
use super::{EvaluateError, ExpressionProblem, ProblemKind, Reference, SOURCE_BYTES_MAX, Scope};

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// Nothing but a dotted path: the hot path.
    Path(Reference),
    /// A dotted path with a literal for when its last field is missing.
    PathOr(Reference, Value),
    /// Anything else.
    Compiled(Arc<Compiled>),
}

impl Expr {
    pub(super) fn compile(source: &str) -> Result<Expr, ExpressionProblem> {
        let source = source.trim();
        if source.len() > SOURCE_BYTES_MAX {
            let start: String = source.chars().take(40).collect();
            let message = format!(
                "an expression of {} bytes: at most {SOURCE_BYTES_MAX} are allowed",
                source.len()
            );
            return Err(ExpressionProblem::new(
                ProblemKind::TooLong,
                &start,
                message,
            ));
        }
        if source.is_empty() {
            return Err(ExpressionProblem::new(
                ProblemKind::Syntax,
                source,
                "an expression must not be empty",
            ));
        }
        if let Some(reference) = Reference::from_plain_path(source) {
            return Ok(Expr::Path(reference));
        }
        if let Some((reference, default)) = fallback::parse(source) {
            return Ok(Expr::PathOr(reference, default));
        }
        Compiled::compile(source).map(|compiled| Expr::Compiled(Arc::new(compiled)))
    }

    pub(super) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
        match self {
            Expr::Path(reference) => reference.resolve(scope),
            Expr::PathOr(reference, default) => reference.resolve_or(scope, default),
            Expr::Compiled(compiled) => compiled.evaluate(scope),
        }
    }

    pub(super) fn source(&self) -> String {
        match self {
            Expr::Path(reference) | Expr::PathOr(reference, _) => reference.to_string(),
            Expr::Compiled(compiled) => compiled.source().to_owned(),
        }
    }

    pub(super) fn references(&self) -> &[Reference] {
        match self {
            Expr::Path(reference) | Expr::PathOr(reference, _) => std::slice::from_ref(reference),
            Expr::Compiled(compiled) => compiled.references(),
        }
    }

    /// Whether it has a value whatever happens, given that values are there of which `promised` says so. What is
    /// more than a path may go wrong in ways that nobody can tell beforehand.
    pub(super) fn reads_safely(&self, promised: &dyn Fn(&Reference) -> bool) -> bool {
        match self {
            Expr::Path(reference) => promised(reference),
            Expr::PathOr(reference, _) => promised(&reference.parent()),
            Expr::Compiled(_) => false,
        }
    }

    /// Whether the expression says what to do when a value is missing.
    pub(super) fn guards_missing(&self) -> bool {
        match self {
            Expr::Path(_) => false,
            Expr::PathOr(..) => true,
            Expr::Compiled(compiled) => compiled.guards_missing(),
        }
    }
}
