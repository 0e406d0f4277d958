//! Conditions: bare expressions that are true or false.

use serde_json::Value;

use super::equal::Equal;
use super::expr::Expr;
use super::mapping::Use;
use super::{EvaluateError, ExpressionProblem, ProblemKind, Reference, Scope, kind_of};

/// A compiled condition (`when: steps.hold.output.price.amount > 20000`).
#[derive(Clone, Debug)]
pub struct Condition {
    expr: Expr,
}

impl Condition {
    /// Compiles a bare expression.
    pub fn compile(source: &str) -> Result<Condition, ExpressionProblem> {
        if source.trim_start().starts_with("${{") {
            let message = "a condition is a bare expression";
            let problem = ExpressionProblem::new(ProblemKind::Syntax, source, message);
            return Err(problem.with_help("leave out `${{` and `}}`"));
        }
        Expr::compile(source).map(|expr| Condition { expr })
    }

    /// The condition that is nothing but this value.
    pub(crate) fn reading(reference: Reference) -> Condition {
        Condition {
            expr: Expr::Path(reference),
        }
    }

    /// Whether it can be evaluated whatever happens; see [`super::Mapping::reads_safely`]. That a value is there
    /// does not make it true or false, so only a literal is safe.
    pub(crate) fn reads_safely(&self, promised: &dyn Fn(&Reference) -> bool) -> bool {
        self.expr.references().is_empty() && self.expr.reads_safely(promised)
    }

    /// Whether it holds. Anything but true and false is an error: nobody should have to know what counts as true.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<bool, EvaluateError> {
        match self.expr.evaluate(scope)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(EvaluateError::NotBool {
                expression: self.expr.source(),
                found: kind_of(&other),
            }),
        }
    }

    /// What it reads.
    pub fn references(&self) -> Vec<Reference> {
        self.expr.references().to_vec()
    }

    /// What it compares fields of a signal with.
    pub(crate) fn equals(&self) -> Vec<Equal> {
        Equal::of(&self.expr.source())
    }

    /// What it reads, with where and how.
    pub(crate) fn uses(&self) -> Vec<Use> {
        Use::of(&self.expr, "")
    }
}
