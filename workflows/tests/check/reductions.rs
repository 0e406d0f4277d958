//! Each thing that the explorer leaves away, put back once: the same is found at rest.

use std::collections::BTreeSet;

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, explore};
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
