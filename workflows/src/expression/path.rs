//! Dotted paths: what expressions may read, and the direct way to its value.
//!
//! The same type answers two questions: "what does this definition read" ([`Reference`], before anything runs)
//! and "what is there" ([`Reference::resolve`], for every attempt, without copying anything but the value).

use std::fmt;

use serde_json::Value;

use super::{EvaluateError, ExpressionProblem, ProblemKind, Scope};

/// One thing that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `input.…`: fields below the saga's input.
    Input(Vec<String>),
    /// `steps.<step>.output.…`: fields below a step's output.
    Output {
        /// Id of the step.
        step: String,
        /// Fields below its output.
        path: Vec<String>,
    },
    /// `saga.id` or `saga.started_at`.
    Saga(SagaField),
    /// `item.…`: fields below the item that a unit of an `each` step works on.
    Item(Vec<String>),
    /// `signal.…`: fields below the payload that a `match` looks at.
    Signal(Vec<String>),
}

/// What an expression can read of the saga itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SagaField {
    /// Its id, as text.
    Id,
    /// When it started: milliseconds since the Unix epoch.
    StartedAt,
}

impl Reference {
    /// The reference that `source` is when it is nothing but a dotted path.
    ///
    /// `None` means that it is more than that (or less): the expression language decides. Hyphens are taken as
    /// part of the name only in a step's id, where no subtraction can be meant.
    pub(super) fn from_plain_path(source: &str) -> Option<Reference> {
        let mut segments = source.split('.');
        let root = segments.next()?;
        let rest: Vec<&str> = segments.collect();
        let plain = rest.iter().enumerate().all(|(at, segment)| {
            let hyphens = root == "steps" && at == 0;
            is_name(segment, hyphens)
        });
        if !plain {
            return None;
        }
        Reference::from_segments(root, &rest).ok()
    }

    /// The reference that a root and the names below it make; otherwise what is wrong with it, and what to write.
    pub(super) fn from_segments(
        root: &str,
        rest: &[&str],
    ) -> Result<Reference, (String, Option<String>)> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match (root, rest) {
            ("input", path) => Ok(Reference::Input(owned(path))),
            ("item", path) => Ok(Reference::Item(owned(path))),
            ("signal", path) => Ok(Reference::Signal(owned(path))),
            ("saga", ["id"]) => Ok(Reference::Saga(SagaField::Id)),
            ("saga", ["started_at"]) => Ok(Reference::Saga(SagaField::StartedAt)),
            ("saga", _) => Err((
                format!("`{}` is not a fact of a saga", dotted(root, rest)),
                Some("there are `saga.id` and `saga.started_at`".to_owned()),
            )),
            ("steps", [step, "output", path @ ..]) => Ok(Reference::Output {
                step: (*step).to_owned(),
                path: owned(path),
            }),
            ("steps", [step, ..]) => Err((
                format!(
                    "`{}`: of a step only its output can be read",
                    dotted(root, rest)
                ),
                Some(format!("write `steps.{step}.output`")),
            )),
            ("steps", []) => Err((
                "`steps` alone cannot be read".to_owned(),
                Some("write `steps.<id>.output`, with dots".to_owned()),
            )),
            (other, _) => Err((
                format!("`{other}` is not known in expressions"),
                Some(
                    "there are `input`, `steps.<id>.output`, `saga.id`, `saga.started_at`, and `item` or \
                     `signal` where there is one"
                        .to_owned(),
                ),
            )),
        }
    }

    /// What the last field is read from; itself when it has no field.
    pub(super) fn parent(&self) -> Reference {
        let mut parent = self.clone();
        match &mut parent {
            Reference::Input(path)
            | Reference::Output { step: _, path }
            | Reference::Item(path)
            | Reference::Signal(path) => drop(path.pop()),
            Reference::Saga(_) => {}
        }
        parent
    }

    /// The value, read directly from the JSON values of the scope.
    pub(super) fn resolve(&self, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
        match self {
            Reference::Input(path) => self.below(scope.input, path).cloned(),
            Reference::Output { step, path } => {
                let output = (scope.outputs)(step).ok_or_else(|| self.missing())?;
                self.below(output, path).cloned()
            }
            Reference::Saga(SagaField::Id) => Ok(Value::from(scope.saga.id)),
            Reference::Saga(SagaField::StartedAt) => Ok(Value::from(scope.saga.started_at)),
            Reference::Item(path) => self.below(self.there(scope.item)?, path).cloned(),
            Reference::Signal(path) => self.below(self.there(scope.signal)?, path).cloned(),
        }
    }

    /// The value; `default` when only the last field of the path is missing.
    pub(super) fn resolve_or(
        &self,
        scope: &Scope<'_>,
        default: &Value,
    ) -> Result<Value, EvaluateError> {
        let (root, path) = match self {
            Reference::Input(path) => (scope.input, path),
            Reference::Output { step, path } => {
                ((scope.outputs)(step).ok_or_else(|| self.missing())?, path)
            }
            Reference::Item(path) => (self.there(scope.item)?, path),
            Reference::Signal(path) => (self.there(scope.signal)?, path),
            Reference::Saga(_) => return self.resolve(scope),
        };
        let Some((last, parents)) = path.split_last() else {
            return Ok(root.clone());
        };
        let parent = self.below(root, parents)?;
        Ok(parent.get(last.as_str()).unwrap_or(default).clone())
    }

    fn there<'v>(&self, root: Option<&'v Value>) -> Result<&'v Value, EvaluateError> {
        root.ok_or_else(|| self.missing())
    }

    fn below<'v>(&self, root: &'v Value, path: &[String]) -> Result<&'v Value, EvaluateError> {
        path.iter().try_fold(root, |value, name| {
            value.get(name.as_str()).ok_or_else(|| self.missing())
        })
    }

    fn missing(&self) -> EvaluateError {
        EvaluateError::Missing {
            path: self.to_string(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self {
            Reference::Input(path) => {
                f.write_str("input")?;
                path
            }
            Reference::Output { step, path } => {
                write!(f, "steps.{step}.output")?;
                path
            }
            Reference::Item(path) => {
                f.write_str("item")?;
                path
            }
            Reference::Signal(path) => {
                f.write_str("signal")?;
                path
            }
            Reference::Saga(SagaField::Id) => return f.write_str("saga.id"),
            Reference::Saga(SagaField::StartedAt) => return f.write_str("saga.started_at"),
        };
        path.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}

/// Reads a reference that the expression language found, as dotted text.
pub(super) fn from_found(expression: &str, found: &str) -> Result<Reference, ExpressionProblem> {
    let mut segments = found.split('.');
    let root = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    Reference::from_segments(root, &rest).map_err(|(message, help)| {
        let problem = ExpressionProblem::new(ProblemKind::UnknownName, expression, message);
        // `steps.hold-seat.output.price * 2` was meant as a name, and is read as a subtraction.
        if expression.contains(&format!("-{root}")) {
            return problem
                .with_help("inside an expression `-` subtracts: write `_` in the step's id");
        }
        match help {
            Some(help) => problem.with_help(help),
            None => problem,
        }
    })
}

fn dotted(root: &str, rest: &[&str]) -> String {
    std::iter::once(root)
        .chain(rest.iter().copied())
        .collect::<Vec<_>>()
        .join(".")
}

fn is_name(text: &str, hyphens: bool) -> bool {
    let mut characters = text.chars();
    let first = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || (hyphens && c == '-'))
}
