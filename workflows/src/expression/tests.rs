//! What expressions give, and what they refuse.

use serde_json::{Value, json};

use super::*;

fn with_scope<T>(input: &Value, hold: Option<&Value>, check: impl FnOnce(&Scope<'_>) -> T) -> T {
    let outputs = |step: &str| if step == "hold" { hold } else { None };
    check(&Scope {
        input,
        outputs: &outputs,
        saga: SagaFacts {
            id: "01",
            started_at: 1_700_000_000_123,
        },
        item: None,
        signal: None,
    })
}

fn value_of(template: Value, input: Value, hold: Option<Value>) -> Result<Value, EvaluateError> {
    let mapping = Mapping::compile(&template).unwrap();
    with_scope(&input, hold.as_ref(), |scope| mapping.evaluate(scope))
}

fn holds(source: &str, input: Value, hold: Option<Value>) -> Result<bool, EvaluateError> {
    let condition = Condition::compile(source).unwrap();
    with_scope(&input, hold.as_ref(), |scope| condition.evaluate(scope))
}

#[test]
fn whole_values_keep_their_type_and_texts_are_filled_in() {
    let input = json!({
        "seats": ["A1", "A2"], "big": u64::MAX, "small": i64::MIN, "half": 0.5, "ok": true, "no": null,
    });
    let cases = [
        (json!("${{ input.seats }}"), json!(["A1", "A2"])),
        (json!("${{ input.big }}"), json!(u64::MAX)),
        (json!("${{ input.small }}"), json!(i64::MIN)),
        (json!("${{input.half}}"), json!(0.5)),
        (json!("${{ input.no }}"), json!(null)),
        (
            json!("ok: ${{ input.ok }}, ${{ input.big }}"),
            json!("ok: true, 18446744073709551615"),
        ),
        (json!("${{ input.seats }}!"), json!("[\"A1\",\"A2\"]!")),
        (json!("${{ input.seats | join(', ') }}"), json!("A1, A2")),
        (json!("${{ input.ok and true }}"), json!(true)),
        (json!("ok: ${{ not input.ok }}"), json!("ok: false")),
        (json!("${{ input.absent | default(false) }}"), json!(false)),
        (json!("${{ {'a': {'b': 1}} }}"), json!({"a": {"b": 1}})),
        (json!("${{ '}}' }}"), json!("}}")),
        (json!("${{ input.big | default(0) }}"), json!(u64::MAX)),
        (json!("${{ input.small | default(0) }}"), json!(i64::MIN)),
        (
            json!("${{ saga.started_at }}/${{ saga.id }}"),
            json!("1700000000123/01"),
        ),
        (
            json!("${{ saga.started_at + 1 }}"),
            json!(1_700_000_000_124_u64),
        ),
        (json!("plain $ {{ }} text"), json!("plain $ {{ }} text")),
        (
            json!([1, {"x": "${{ input.ok }}"}, null]),
            json!([1, {"x": true}, null]),
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(
            value_of(template.clone(), input.clone(), None),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn missing_values_are_named() {
    let missing = |path: &str| {
        Err(EvaluateError::Missing {
            path: path.to_owned(),
        })
    };
    let cases = [
        ("${{ input.a.b }}", missing("input.a.b")),
        (
            "${{ steps.hold.output.price }}",
            missing("steps.hold.output.price"),
        ),
        (
            "${{ steps.hold.output.price + 1 }}",
            missing("steps.hold.output.price"),
        ),
        ("${{ input.a.b | join(',') }}", missing("input.a.b")),
        ("${{ input.x | upper }}", missing("input.x")),
        ("${{ input.x or true }}", missing("input.x")),
        ("to ${{ input.name }}", missing("input.name")),
    ];
    for (template, expected) in cases {
        assert_eq!(
            value_of(json!(template), json!({"a": 1}), None),
            expected,
            "{template}"
        );
    }
}

#[test]
fn a_skipped_step_is_null() {
    let skipped = Some(Value::Null);
    assert_eq!(
        value_of(
            json!("${{ steps.hold.output }}"),
            json!({}),
            skipped.clone()
        ),
        Ok(Value::Null)
    );
    assert!(
        value_of(
            json!("${{ steps.hold.output.price }}"),
            json!({}),
            skipped.clone()
        )
        .is_err()
    );
    let guarded = json!("${{ steps.hold.output.price | default(0) }}");
    assert_eq!(value_of(guarded, json!({}), skipped), Ok(json!(0)));
}

#[test]
fn conditions_are_true_or_false_and_nothing_else() {
    let price = Some(json!({"price": {"amount": 20_001}}));
    assert_eq!(
        holds(
            "steps.hold.output.price.amount > 20000",
            json!({}),
            price.clone()
        ),
        Ok(true)
    );
    assert_eq!(holds("input.vip", json!({"vip": false}), None), Ok(false));
    assert_eq!(holds("input.vip is defined", json!({}), None), Ok(false));
    assert_eq!(
        holds("'A1' in input.seats", json!({"seats": ["A1"]}), None),
        Ok(true)
    );
    let not_bool = holds("input.n", json!({"n": 1}), None).unwrap_err();
    assert_eq!(
        not_bool.to_string(),
        "`input.n` must be true or false, and is a number"
    );
}

#[test]
fn references_are_found_statically() {
    let template = json!({
        "a": "${{ input.event.id }}",
        "b": ["x ${{ steps.my-step.output.price }}", "${{ steps.pay.output.n * 2 + input.tip }}"],
        "c": "${{ saga.id }}",
    });
    let mapping = Mapping::compile(&template).unwrap();
    let found: Vec<String> = mapping
        .references()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "input.event.id",
        "steps.my-step.output.price",
        "input.tip",
        "steps.pay.output.n",
        "saga.id",
    ];
    assert_eq!(found, expected);
    let pointers: Vec<String> = mapping
        .uses()
        .into_iter()
        .map(|found| found.pointer)
        .collect();
    assert_eq!(pointers, ["/a", "/b/0", "/b/1", "/b/1", "/c"]);
}

#[test]
fn every_problem_of_a_template_is_reported() {
    let template = json!({
        "a": "${{ input. }}",
        "b": "${{ now() }}",
        "c": "${{ steps.hold.price }}",
        "d": ["${{ open", "${{ }}"],
        "e": "${{ saga.name }}",
        "f": format!("${{{{ input.a + {} }}}}", "1 + ".repeat(2000)),
    });
    let problems = Mapping::compile(&template).unwrap_err();
    let kinds: Vec<(String, ProblemKind)> = problems
        .into_iter()
        .map(|problem| (problem.pointer, problem.kind))
        .collect();
    let expected = [
        ("/a", ProblemKind::Syntax),
        ("/b", ProblemKind::UnknownName),
        ("/c", ProblemKind::UnknownName),
        ("/d/0", ProblemKind::Syntax),
        ("/d/1", ProblemKind::Syntax),
        ("/e", ProblemKind::UnknownName),
        ("/f", ProblemKind::TooLong),
    ];
    assert_eq!(
        kinds,
        expected.map(|(pointer, kind)| (pointer.to_owned(), kind))
    );
}

#[test]
fn what_fits_into_an_expression_cannot_exhaust_the_stack() {
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{'a':", "1", "}"),
        ("not ", "true", ""),
        ("-", "1", ""),
        ("", "1", " + 1"),
        ("", "1", "**1"),
        ("1**", "1", ""),
        ("", "'a'", "~'a'"),
        ("", "1", "|int"),
        ("", "[[1]]", "[0]"),
        ("", "input", ".a"),
        ("", "1", " if 1 else 1"),
        ("1 if ", "1", " else 1"),
        ("", "1", " in [1]"),
        ("", "1", "<1"),
        ("", "true", " and true"),
        ("", "1", " is defined"),
    ];
    for (before, middle, after) in shapes {
        let most = (SOURCE_BYTES_MAX - middle.len()) / (before.len() + after.len());
        for count in [10, most / 2, most] {
            let source = format!("{}{middle}{}", before.repeat(count), after.repeat(count));
            if let Ok(mapping) = Mapping::compile(&json!(format!("${{{{ {source} }}}}"))) {
                with_scope(&json!({}), None, |scope| drop(mapping.evaluate(scope)));
            }
        }
    }
}

#[test]
fn evaluation_is_stopped_when_it_takes_too_long() {
    let long = format!("{} 1", "(input.a | sort | length) + ".repeat(140));
    let mapping = Mapping::compile(&json!(format!("${{{{ {long} }}}}"))).unwrap();
    let small = json!({"a": [3, 1, 2]});
    assert_eq!(
        with_scope(&small, None, |scope| mapping.evaluate(scope)),
        Ok(json!(421))
    );
    let bomb = json!("${{ 'x' * 1000 * 1000 * 1000 * 1000 }}");
    assert!(value_of(bomb, json!({}), None).is_err());
}

#[test]
fn both_can_be_shared_between_threads() {
    fn shared<T: Clone + std::fmt::Debug + Send + Sync>() {}
    shared::<Mapping>();
    shared::<Condition>();
}
