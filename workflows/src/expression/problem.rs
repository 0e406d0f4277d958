//! What can be wrong with an expression before it ever runs.

use std::fmt;

/// One problem in a template or a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionProblem {
    /// Where in the template: a JSON pointer, empty for its root.
    pub pointer: String,
    /// What sort of problem.
    pub kind: ProblemKind,
    /// The expression itself, as far as it could be told apart.
    pub expression: String,
    /// What is wrong, in words.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Sorts of problems, one stable diagnostic code each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// It cannot be parsed.
    Syntax,
    /// It is longer than [`super::SOURCE_BYTES_MAX`].
    TooLong,
    /// It reads something other than `input`, `steps.<id>.output`, `saga.id` and `saga.started_at`.
    UnknownName,
}

impl ExpressionProblem {
    pub(super) fn new(kind: ProblemKind, expression: &str, message: impl Into<String>) -> Self {
        ExpressionProblem {
            pointer: String::new(),
            kind,
            expression: expression.to_owned(),
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn at(mut self, pointer: &str) -> Self {
        pointer.clone_into(&mut self.pointer);
        self
    }
}

impl fmt::Display for ExpressionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if !self.pointer.is_empty() {
            write!(f, " (at {})", self.pointer)?;
        }
        Ok(())
    }
}
