//! Which filters and tests expressions may use.
//!
//! The expression language looks filters up when it runs; an author's slip should be found before. So expressions
//! are looked through for `| name` and `is name`, and every name must be on these lists. Left out is what could
//! make a small expression large (`indent`, `format`), what hides a path (`attr`), and what nobody needs.

use minijinja::Environment;

/// Filters (`| name`).
pub(super) const FILTERS: [&str; 32] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "default",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// Tests (`is name`).
pub(super) const TESTS: [&str; 14] = [
    "boolean",
    "defined",
    "even",
    "false",
    "float",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
];

/// Filters that could also be reached by their name in a text (`map("indent", 9)`).
const FORBIDDEN: [&str; 4] = ["attr", "format", "indent", "pprint"];

/// Takes away what is not to be had.
pub(super) fn restrict(environment: &mut Environment<'_>) {
    for name in FORBIDDEN {
        environment.remove_filter(name);
    }
}

/// The first name in an expression that is on neither list, with what it should have been.
pub(super) fn unknown(source: &str) -> Option<(&str, &'static str, &'static [&'static str])> {
    let words = words(source);
    words
        .windows(3)
        .chain(words.windows(2).last())
        .find_map(|window| {
            let (name, kind, known): (&str, _, &'static [&'static str]) = match window {
                ["|", name, ..] => (name, "filter", &FILTERS),
                ["is", "not", name] => (name, "test", &TESTS),
                ["is", name, ..] if *name != "not" => (name, "test", &TESTS),
                _ => return None,
            };
            (!known.contains(&name)).then_some((name, kind, known))
        })
}

/// Whether an expression says what to do when a value is missing.
pub(super) fn guard_missing(source: &str) -> bool {
    let words = words(source);
    let default = words.windows(2).any(|pair| pair == ["|", "default"]);
    default
        || words
            .iter()
            .any(|word| ["defined", "undefined"].contains(word))
}

/// Names and other characters of an expression, without texts in quotes and without blanks.
fn words(source: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' || first == '\'' {
            rest = &rest[quoted(rest, first)..];
            continue;
        } else if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            words.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    words
}

/// Length of the quoted text at the start of `rest`, with its quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_on_the_lists_is_a_name_of_the_language() {
        let environment = Environment::new();
        for name in FILTERS {
            let source = format!("1 | {name}");
            let result = environment.compile_expression(&source).unwrap().eval(());
            let unknown =
                |error: &minijinja::Error| error.kind() == minijinja::ErrorKind::UnknownFilter;
            assert!(!result.is_err_and(|error| unknown(&error)), "{name}");
        }
        for name in TESTS {
            let source = format!("1 is {name}");
            assert!(
                environment
                    .compile_expression(&source)
                    .unwrap()
                    .eval(())
                    .is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn slips_are_found_wherever_they_stand() {
        let name = |source| unknown(source).map(|(name, kind, _)| (name, kind));
        assert_eq!(name("input.a | jion(', ')"), Some(("jion", "filter")));
        assert_eq!(name("(input.a|upper)|indent"), Some(("indent", "filter")));
        assert_eq!(name("input.a is defind"), Some(("defind", "test")));
        assert_eq!(
            name("input.a is not defind and true"),
            Some(("defind", "test"))
        );
        assert_eq!(name("input.a is not defined"), None);
        assert_eq!(name("input.a is defined"), None);
        assert_eq!(name("'a | b is c' ~ input.this is string"), None);
        assert!(guard_missing("input.a | default(1)") && guard_missing("input.a is not defined"));
        assert!(!guard_missing("input.default_seat ~ 'default'"));
        assert_eq!(name("input.a | default(\"it's | not\") | upper"), None);
    }
}
