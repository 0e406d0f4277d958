//! What a `match` compares a signal with: so whoever makes a signal up makes one that is meant.
//!
//! Only `signal.field == expression`, alone or joined by `and`, says so plainly. Everything else says nothing here.

use serde_json::Value;

use super::expr::Expr;
use super::{EvaluateError, Reference, Scope};

/// A field of the signal, and what it must equal.
#[derive(Clone, Debug)]
pub(crate) struct Equal {
    /// The field, from the signal's root.
    pub(crate) field: Vec<String>,
    other: Expr,
}

impl Equal {
    /// What the field must be in this scope.
    pub(crate) fn value(&self, scope: &Scope<'_>) -> Result<Value, EvaluateError> {
        self.other.evaluate(scope)
    }

    /// All of a condition's.
    pub(super) fn of(source: &str) -> Vec<Equal> {
        // Inside a text there may be anything: such a condition is left alone.
        if source.contains(['\'', '"']) {
            return Vec::new();
        }
        source.split(" and ").filter_map(Equal::of_one).collect()
    }

    fn of_one(source: &str) -> Option<Equal> {
        let (left, right) = source.split_once("==")?;
        let field = |side: &str| match Reference::from_plain_path(side.trim())? {
            Reference::Signal(field) => Some(field),
            Reference::Input(_)
            | Reference::Output { .. }
            | Reference::Item(_)
            | Reference::Saga(_) => None,
        };
        let (field, other) = match (field(left), field(right)) {
            (Some(field), None) => (field, right),
            (None, Some(field)) => (field, left),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let other = Expr::compile(other).ok()?;
        Some(Equal { field, other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_with_a_field_says_what_it_must_be() {
        let found = Equal::of("signal.id == input.id and input.place == signal.seat.place");
        let fields: Vec<String> = found.iter().map(|equal| equal.field.join(".")).collect();
        assert_eq!(fields, ["id", "seat.place"]);
        let others: Vec<String> = found.iter().map(|equal| equal.other.source()).collect();
        assert_eq!(others, ["input.id", "input.place"]);
    }

    #[test]
    fn what_is_no_comparison_says_nothing() {
        for source in [
            "signal.id != input.id",
            "signal.id == signal.other",
            "signal.amount > 3",
            "signal.name == 'x and y'",
        ] {
            assert!(Equal::of(source).is_empty(), "{source}");
        }
    }
}
