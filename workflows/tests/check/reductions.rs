//! Each thing that the explorer leaves away, put back once: the same is found at rest.

use std::collections::BTreeSet;

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Report, Verdict, explore, explore_unmerged};
use serde_json::json;

use crate::plain::{Plain, Replica, Rest, Switches, of_the_explorer};

/// One step, tried so often each way.
fn one(forward: u32, back: u32) -> String {
    format!(
        "
saga: one
version: 1
steps:
  pay:
    task: b/pay
    retry: {{ max_attempts: {forward} }}
    compensate: {{ task: b/refund, retry: {{ max_attempts: {back} }} }}
"
    )
}

/// Two in a row; the second one is asked about.
const TWO: &str = "
saga: two
version: 1
deadline: 15m
steps:
  hold:
    task: a/hold
    retry: { max_attempts: 1 }
    compensate: { task: a/release, retry: { max_attempts: 1 } }
  pay:
    task: b/pay
    needs: [hold]
    retry: { max_attempts: 2 }
    on_unknown: reconcile
    reconcile: { task: b/ask, retry: { max_attempts: 1 } }
    compensate: { task: b/refund, retry: { max_attempts: 1 } }
";

fn definition(text: &str) -> Definition {
    Definition::parse("test", text).unwrap()
}

fn explored(text: &str) -> BTreeSet<Rest> {
    of_the_explorer(&explore(&definition(text), Limits::default()))
}

fn plain(text: &str, switches: Switches) -> BTreeSet<Rest> {
    let begun = std::time::Instant::now();
    let (found, worlds) = Plain::new(definition(text), json!({}), switches).explored();
    println!(
        "{switches:?}: {worlds} worlds in {:?}, {} rests",
        begun.elapsed(),
        found.len()
    );
    found
}

#[test]
fn sets_of_possibilities_hide_no_participant() {
    let one = one(2, 2);
    assert_eq!(plain(&one, Switches::FEW), explored(&one));
    assert_eq!(plain(TWO, Switches::FEW), explored(TWO));
}

#[test]
fn attempts_are_no_more_than_left_or_last() {
    let counted = Switches {
        attempts_counted: true,
        ..Switches::FEW
    };
    for (forward, back) in [(2, 1), (1, 2)] {
        let one = one(forward, back);
        assert_eq!(plain(&one, counted), explored(&one));
    }
}

#[test]
fn publishing_later_is_only_later() {
    let apart = Switches {
        outbox_apart: true,
        ..Switches::FEW
    };
    assert_eq!(plain(TWO, apart), explored(TWO));
}

#[test]
fn a_decision_on_an_old_state_is_nothing_when_it_has_to_win_a_number() {
    let fenced = Switches {
        replica: Replica::Fenced,
        ..Switches::FEW
    };
    assert_eq!(plain(&one(1, 1), fenced), explored(&one(1, 1)));
}

#[test]
fn and_without_the_number_it_leaves_charges_behind() {
    let unfenced = Switches {
        replica: Replica::Unfenced,
        ..Switches::FEW
    };
    let (found, explored) = (plain(&one(1, 1), unfenced), explored(&one(1, 1)));
    let worse: Vec<&Rest> = found.difference(&explored).collect();
    println!("{worse:#?}");
    assert!(!worse.is_empty());
}

/// Items that may fail beside each other, of which one may be missing, and a step that goes over their answers.
const ITEMS: &str = "
saga: items
version: 1
input: { type: object, required: [list], properties: { list: { type: array, maxItems: 2 } } }
steps:
  hold:
    each: ${{ input.list }}
    task: a/hold
    tolerate: 1
    effect: seat
    expires: 10m
    retry: { max_attempts: 2 }
    compensate: { task: a/release }
  pin:
    needs: [hold]
    each: ${{ steps.hold.output }}
    task: a/pin
    pins: [hold]
    compensate: none
    reason: hold's compensation releases a pinned hold too
";

/// One after the other; a human looks at what fails.
const PARKED: &str = "
saga: parked
version: 1
input: { type: object, required: [list], properties: { list: { type: array, maxItems: 2 } } }
steps:
  pay: { task: b/pay, pivot: true, retry: { max_attempts: unlimited }, effect: charge }
  give:
    needs: [pay]
    each: ${{ input.list }}
    task: a/give
    max_parallel: 1
    on_failure: park
    effect: ticket
    retry: { max_attempts: 2 }
invariants:
  - charge implies ticket
";

/// Several ways back, with a step that is asked about.
const BACK: &str = "
saga: back
version: 1
deadline: 15m
steps:
  hold: { task: a/hold, effect: seat, expires: 10m, compensate: { task: a/release } }
  look: { task: c/look, needs: [hold], compensate: none, reason: it does no harm, effect: look }
  pay:
    task: b/pay
    needs: [hold]
    effect: charge
    on_unknown: reconcile
    reconcile: { task: b/ask }
    compensate: { task: b/refund }
";

/// What is found must be the same; how many worlds it takes must not.
fn merged_finds_the_same(text: &str) {
    let definition = definition(text);
    let merged = explore(&definition, Limits::default());
    let as_they_are = explore_unmerged(&definition, Limits::default());
    println!(
        "{}: {} worlds, {} as they are",
        definition.name, merged.states, as_they_are.states
    );
    assert!(merged.states < as_they_are.states, "nothing was merged");
    assert_eq!(verdict(&merged), None);
    assert_eq!(verdict(&as_they_are), None);
    let ends = |report: &Report| report.ends.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(ends(&merged), ends(&as_they_are));
}

/// The rule that is broken, and on how short a way.
fn verdict(report: &Report) -> Option<(&'static str, usize)> {
    match &report.verdict {
        Verdict::Proved => None,
        Verdict::Disproved(found) => Some((found.property.as_str(), found.story.lines.len())),
        Verdict::NotProved { .. } => panic!("there are not so many states"),
    }
}

#[test]
fn what_no_longer_leads_anywhere_makes_no_other_world() {
    merged_finds_the_same(BACK);
    merged_finds_the_same(TWO);
}

#[test]
fn items_are_interchangeable() {
    merged_finds_the_same(ITEMS);
    merged_finds_the_same(PARKED);
}

#[test]
fn and_what_is_wrong_is_wrong_with_interchangeable_items_too() {
    for invariants in ["[not seat]", "[seat]"] {
        let wrong = definition(&format!("{ITEMS}invariants: {invariants}\n"));
        let merged = verdict(&explore(&wrong, Limits::default()));
        assert!(merged.is_some(), "{invariants} holds");
        assert_eq!(
            merged,
            verdict(&explore_unmerged(&wrong, Limits::default()))
        );
    }
}
