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

    /// What it asks, and whether it is `not` before that. Only a path or something in parentheses is taken out of its
    /// `not`: what follows may bind less tightly.
    pub(crate) fn about(&self) -> (String, bool) {
        let source = self.expr.source();
        let source = bare(source.trim());
        let Some(rest) = source.strip_prefix("not") else {
            return (source.to_owned(), false);
        };
        let is_word = rest.starts_with(|c: char| c.is_whitespace() || c == '(');
        let inner = rest.trim_start();
        match (is_word, Reference::from_plain_path(inner), bare(inner)) {
            (true, Some(path), _) => (path.to_string(), true),
            (true, None, within) if within.len() < inner.len() => (within.to_owned(), true),
            _ => (source.to_owned(), false),
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

/// A text without the parentheses around all of it.
fn bare(text: &str) -> &str {
    let Some(inner) = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return text;
    };
    let quoted = |c: char| c == '"' || c == '\'';
    // Parentheses in a text in quotes are none; nobody should have to count those.
    if inner.contains(quoted) {
        return text;
    }
    let mut depth = 0_i32;
    for c in inner.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth < 0 {
            return text;
        }
    }
    bare(inner.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_and_its_opposite_ask_the_same() {
        let cases = [
            ("input.vip", "input.vip", false),
            ("not input.vip", "input.vip", true),
            ("not (input.a > 2)", "input.a > 2", true),
            ("(input.a > 2)", "input.a > 2", false),
            // `not` takes only the first of these with it.
            ("not input.a and input.b", "not input.a and input.b", false),
            (
                "not (input.a) and (input.b)",
                "not (input.a) and (input.b)",
                false,
            ),
            ("not input.a == 2", "not input.a == 2", false),
            ("(input.a) or (input.b)", "(input.a) or (input.b)", false),
        ];
        for (source, about, negated) in cases {
            let condition = Condition::compile(source).unwrap();
            assert_eq!(condition.about(), (about.to_owned(), negated), "{source}");
        }
    }
}
