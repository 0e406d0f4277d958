//! Expressions that are more than a dotted path: the expression language (minijinja) behind one narrow door.
//!
//! One environment serves all of them: strict about what is undefined, stopped after [`super::FUEL`] steps. Its
//! functions cannot be called, because every name that an expression reads must be one of ours.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, Expression, UndefinedBehavior};
use serde_json::Value;

use super::filters;
use super::path::{self, SagaField};
use super::{EvaluateError, ExpressionProblem, FUEL, ProblemKind, Reference, Scope};

use crate::definition::nearest;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    filters::restrict(&mut environment);
    environment
});

/// An expression, parsed and with its references known.
pub(super) struct Compiled {
    source: String,
    expression: Expression<'static, 'static>,
    references: Vec<Reference>,
    guards_missing: bool,
}

impl Compiled {
    pub(super) fn compile(source: &str) -> Result<Compiled, ExpressionProblem> {
        let expression = ENVIRONMENT
            .compile_expression_owned(source.to_owned())
            .map_err(|error| {
                let reason = error.detail().unwrap_or("it cannot be parsed");
                ExpressionProblem::new(
                    ProblemKind::Syntax,
                    source,
                    format!("`{source}` is not an expression: {reason}"),
                )
            })?;
        if let Some((name, kind, known)) = filters::unknown(source) {
            let message = format!("`{name}` is not a {kind}");
            let near = nearest(name, known.iter().copied());
            let help = near.map_or_else(
                || format!("there are: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let problem = ExpressionProblem::new(ProblemKind::Syntax, source, message);
            return Err(problem.with_help(help));
        }
        let mut found: Vec<String> = expression.undeclared_variables(true).into_iter().collect();
        found.sort();
        let references = found
            .iter()
            .map(|found| path::from_found(source, found))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Compiled {
            source: source.to_owned(),
            expression,
            references,
            guards_missing: filters::guard_missing(source),
        })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Whether the author thought of a value that may be missing.
    pub(super) fn guards_missing(&self) -> bool {
        self.guards_missing
    }

    pub(super) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
        let result = self.expression.eval(self.context(scope));
        let value = result.map_err(|error| self.explain(scope, &error.to_string()))?;
        if value.is_undefined() {
            return Err(self.explain(scope, "it has no value"));
        }
        serde_json::to_value(&value).map_err(|error| self.failed(&error.to_string()))
    }

    /// Only what is read is handed over: converting a saga's whole data for one comparison would be waste.
    fn context(&self, scope: &Scope<'_>) -> minijinja::Value {
        let mut roots = BTreeMap::new();
        let mut steps = BTreeMap::new();
        for reference in &self.references {
            match reference {
                Reference::Input(_) => {
                    roots
                        .entry("input")
                        .or_insert_with(|| minijinja::Value::from(Serde(scope.input)));
                }
                Reference::Output { step, .. } => {
                    if let Some(output) = (scope.outputs)(step) {
                        let output = minijinja::Value::from(Serde(output));
                        let facts = minijinja::Value::from_pairs([("output", output)]);
                        steps.insert(step.as_str(), facts);
                    }
                }
                Reference::Item(_) => root(&mut roots, "item", scope.item),
                Reference::Signal(_) => root(&mut roots, "signal", scope.signal),
                Reference::Saga(SagaField::Id | SagaField::StartedAt) => {
                    roots.entry("saga").or_insert_with(|| saga(scope));
                }
            }
        }
        roots.insert("steps", minijinja::Value::from_pairs(steps));
        minijinja::Value::from_pairs(roots)
    }

    /// Most failures are a value that is not there: say which one, not how the language tripped over it.
    fn explain(&self, scope: &Scope<'_>, reason: &str) -> EvaluateError {
        let missing = self
            .references
            .iter()
            .find_map(|reference| reference.resolve(scope).err());
        match missing {
            Some(missing) if !self.guards_missing() => missing,
            Some(_) | None => self.failed(reason),
        }
    }

    fn failed(&self, reason: &str) -> EvaluateError {
        EvaluateError::Failed {
            expression: self.source.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compiled").field(&self.source).finish()
    }
}

/// What is not there is left out: the language says then that it is undefined.
fn root<'r>(roots: &mut BTreeMap<&'r str, minijinja::Value>, name: &'r str, value: Option<&Value>) {
    if let Some(value) = value {
        roots
            .entry(name)
            .or_insert_with(|| minijinja::Value::from(Serde(value)));
    }
}

fn saga(scope: &Scope<'_>) -> minijinja::Value {
    minijinja::Value::from_pairs([
        ("id", minijinja::Value::from(scope.saga.id)),
        ("started_at", minijinja::Value::from(scope.saga.started_at)),
    ])
}
