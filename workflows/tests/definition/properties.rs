//! What holds for any text, however broken, and for any definition, however written.

use impresario_workflows::Definition;
use impresario_workflows::definition::{SHIPPED, render};
use proptest::collection::vec;
use proptest::prelude::*;

/// Pieces from which files are made: more likely to get past the parser than noise is.
const PIECES: &[&str] = &[
    "saga: order\n",
    "version: 1\n",
    "steps:\n",
    "  hold:\n",
    "    task: a/b\n",
    "    needs: [hold]\n",
    "    readonly: true\n",
    "    when: ",
    "${{ input.",
    "steps.hold.output",
    " }}",
    "\n",
    "  ",
    "\t",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">-\n",
    "# ",
    "ä",
    "\u{0}",
    "\u{feff}",
    "---\n",
    "99999999999999999999",
    "1e999",
    "input: {type: object, properties: {a: {}}}\n",
    "<<: ",
    "? ",
    "pivot: true",
    "customer: {sentences: {running.x: y}}\n",
];

fn checked_and_rendered(text: &str) {
    let checked = Definition::check("any.yaml", text);
    let rendered = render(&checked.diagnostics, "any.yaml", text);
    assert!(
        checked.definition.is_some() || !rendered.is_empty(),
        "refused without a word"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        checked_and_rendered(&text);
    }

    #[test]
    fn any_pieces_are_answered(pieces in vec(proptest::sample::select(PIECES), 0..40)) {
        checked_and_rendered(&pieces.concat());
    }

    #[test]
    fn any_slip_in_a_good_file_is_answered(
        which in 0..SHIPPED.len(),
        from in any::<prop::sample::Index>(),
        length in 0usize..30,
        instead in prop_oneof![
            proptest::sample::select(PIECES).prop_map(str::to_owned),
            ".{0,5}",
        ],
    ) {
        let characters: Vec<char> = SHIPPED[which].1.chars().collect();
        let from = from.index(characters.len());
        let to = (from + length).min(characters.len());
        let text: String = characters[..from].iter().chain(instead.chars().collect::<Vec<_>>().iter())
            .chain(&characters[to..]).collect();
        let checked = Definition::check("slip.yaml", &text);
        if let Some(definition) = checked.definition {
            let again = Definition::from_canonical(&definition.canonical).unwrap();
            prop_assert_eq!(format!("{definition:?}"), format!("{again:?}"));
        } else {
            prop_assert!(!render(&checked.diagnostics, "slip.yaml", &text).is_empty());
        }
    }

    #[test]
    fn the_order_of_keys_comments_and_quotes_are_no_content(steps in steps(), shuffle in any::<u64>()) {
        let one = file(&steps, false);
        let mut shuffled = steps.clone();
        let length = shuffled.len();
        shuffled.rotate_left((shuffle % length as u64) as usize);
        let other = file(&shuffled, true);
        let one = Definition::parse("one.yaml", &one).unwrap();
        let other = Definition::parse("other.yaml", &other).unwrap();
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        let again = Definition::from_canonical(&one.canonical).unwrap();
        prop_assert_eq!(format!("{one:?}"), format!("{again:?}"));
    }
}

/// Steps that need only steps with smaller numbers, so that there is no cycle.
fn steps() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    vec(vec(any::<prop::sample::Index>(), 0..3), 1..12).prop_map(|needs| {
        needs
            .into_iter()
            .enumerate()
            .map(|(step, needs)| {
                let needs: std::collections::BTreeSet<usize> = needs
                    .iter()
                    .filter(|_| step > 0)
                    .map(|need| need.index(step))
                    .collect();
                (step, needs.into_iter().collect())
            })
            .collect()
    })
}

fn file(steps: &[(usize, Vec<usize>)], other_style: bool) -> String {
    let mut text = String::new();
    let head = if other_style {
        "version: 1 # one\n\"saga\": 'order'\n"
    } else {
        "saga: order\nversion: 1\n"
    };
    text.push_str(head);
    text.push_str("steps:\n");
    for (step, needs) in steps {
        let needs: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        let needs = needs.join(", ");
        if other_style {
            text.push_str(&format!(
                "  s{step}:\n    readonly: true\n    needs: [{needs}]\n    task: \"a/b\"\n"
            ));
        } else {
            text.push_str(&format!(
                "  s{step}: {{ task: a/b, needs: [{needs}], readonly: true }}\n"
            ));
        }
    }
    text
}
