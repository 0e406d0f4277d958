//! `path | default(literal)`: the second commonest expression, without the expression language.
//!
//! It means exactly what it means there: the literal counts when the last field of the path is missing; a field
//! missing further up is an error, and null is a value.

use serde_json::Value;

use super::Reference;

/// The path and the literal, when `source` is nothing but that.
pub(super) fn parse(source: &str) -> Option<(Reference, Value)> {
    let (path, filter) = source.split_once('|')?;
    let argument = filter.trim().strip_prefix("default(")?.strip_suffix(')')?;
    let reference = Reference::from_plain_path(path.trim())?;
    // Inside an expression `-` subtracts, here as well.
    if path.contains('-') {
        return None;
    }
    Some((reference, literal(argument.trim())?))
}

fn literal(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "[]" => Some(Value::Array(Vec::new())),
        "{}" => Some(Value::Object(serde_json::Map::new())),
        _ => quoted(text).or_else(|| whole(text)),
    }
}

fn quoted(text: &str) -> Option<Value> {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let inner = inner('"').or_else(|| inner('\''))?;
    let plain = !inner.contains(['"', '\'', '\\']);
    plain.then(|| Value::from(inner))
}

fn whole(text: &str) -> Option<Value> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        text.parse::<u64>().ok().map(Value::from)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::compiled::Compiled;
    use super::super::expr::Expr;
    use super::super::{SagaFacts, Scope};
    use super::*;

    #[test]
    fn only_paths_with_literals_are_taken() {
        let literal = |source| parse(source).map(|(_, literal)| literal);
        assert_eq!(literal("input.a | default(false)"), Some(json!(false)));
        assert_eq!(literal("input.a|default( 12 )"), Some(json!(12)));
        assert_eq!(literal("input.a | default('a, b')"), Some(json!("a, b")));
        for other in [
            "input.a | default(none)",
            "input.a | default(input.b)",
            "input.a | default('a', true)",
            "input.a | default(1) | abs",
            "input.a | default(1) + (2)",
            "input.a | default(-1)",
            "input.a | default('a' ~ 'b')",
            "input.a | upper",
            "steps.my-step.output.a | default(1)",
            "input.a",
        ] {
            assert_eq!(literal(other), None, "{other}");
        }
    }

    #[test]
    fn it_means_what_it_means_in_the_language() {
        let inputs = [
            json!({}),
            json!({"a": null}),
            json!({"a": 1}),
            json!({"a": {"b": 2}}),
            json!({"a": {"b": null}}),
        ];
        let outputs = [None, Some(json!(null)), Some(json!({"a": 3}))];
        let sources = [
            "input.a | default(7)",
            "input.a.b | default('x')",
            "input | default({})",
            "steps.s.output | default([])",
            "steps.s.output.a | default(true)",
            "saga.id | default('none')",
        ];
        for source in sources {
            assert!(
                matches!(Expr::compile(source).unwrap(), Expr::PathOr(..)),
                "{source}"
            );
            for (input, output) in inputs
                .iter()
                .flat_map(|i| outputs.iter().map(move |o| (i, o)))
            {
                let outputs = |_: &str| output.as_ref();
                let saga = SagaFacts {
                    id: "01",
                    started_at: 5,
                };
                let scope = Scope {
                    input,
                    outputs: &outputs,
                    saga,
                    item: None,
                    signal: None,
                };
                let fast = Expr::compile(source).unwrap().evaluate(&scope).ok();
                let language = Compiled::compile(source).unwrap().evaluate(&scope).ok();
                assert_eq!(fast, language, "{source} of {input} and {output:?}");
            }
        }
    }
}
