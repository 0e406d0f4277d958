//! Who checks the checker? Each known fault is planted, and the explorer has to find it, by the right rule, in a
//! definition that it proves when nothing is planted.
//!
//! Needs the feature `seeded-defects`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use impresario_workflows::Definition;
use impresario_workflows::check::{Counterexample, Limits, Property, Verdict, explore};
use impresario_workflows::defect::{Defect, plant};

/// Hold, pay, print: each can be undone.
const ROW: &str = "
saga: row
version: 1
deadline: 15m
steps:
  hold: { task: catalog/hold, effect: seat, compensate: { task: catalog/release } }
  pay: { task: payment/charge, needs: [hold], effect: charge, compensate: { task: payment/refund } }
  print: { task: booking/print, needs: [pay], effect: ticket, compensate: { task: booking/void } }
invariants:
  - charge implies seat and ticket
";

/// Hold, then a pivot that is asked about, then only forward.
const PIVOT: &str = "
saga: pivot
version: 1
deadline: 15m
steps:
  hold: { task: catalog/hold, effect: seat, compensate: { task: catalog/release } }
  pay:
    task: payment/charge
    needs: [hold]
    effect: charge
    pivot: true
    retry: { max_attempts: 2 }
    reconcile: { task: payment/look }
  print: { task: booking/print, needs: [pay], effect: ticket, retry: { max_attempts: unlimited } }
invariants:
  - charge implies seat and ticket
";

/// Each fault, where it shows, and the rule that it breaks.
const PLANTS: [(Defect, &str, Property); 23] = [
    (Defect::InFlightNotUndone, ROW, Property::WantedOrUndone),
    (Defect::FailedCloses, ROW, Property::WantedOrUndone),
    (Defect::UndoTimeoutIsSuccess, ROW, Property::WantedOrUndone),
    (Defect::LateSuccessRevives, ROW, Property::Invariant),
    (Defect::UndoOrderIgnored, ROW, Property::UndoneInOrder),
    (
        Defect::CancelIgnoresPivot,
        PIVOT,
        Property::NothingUndonePastThePivot,
    ),
    (
        Defect::CancelForestallsPivot,
        PIVOT,
        Property::NothingUndonePastThePivot,
    ),
    (
        Defect::ForwardOnTheWayBack,
        ROW,
        Property::NothingForwardOnTheWayBack,
    ),
    (Defect::RefusedEndsUndo, ROW, Property::WantedOrUndone),
    (Defect::RetryTakesNewKey, PIVOT, Property::OneKeyAtATime),
    (Defect::PivotGivenUp, PIVOT, Property::NeverSilent),
    (Defect::RejectionSkipped, PIVOT, Property::Invariant),
    (Defect::NeedsIgnored, ROW, Property::NeedsFirst),
    (Defect::EndMoves, ROW, Property::EndsAreEnds),
    (Defect::UndoneNotHeard, ROW, Property::AlwaysEnds),
    (Defect::SecondAnswerRefused, ROW, Property::Answered),
    (Defect::HeartbeatPanics, ROW, Property::Answered),
    (Defect::NoTombstone, ROW, Property::WantedOrUndone),
    (Defect::RejectionForgotten, ROW, Property::WantedOrUndone),
    (Defect::ActsTwice, ROW, Property::OnceOnly),
    (Defect::UndoesTwice, ROW, Property::OnceOnly),
    (Defect::DuplicateRejected, ROW, Property::WantedOrUndone),
    (Defect::UndoAnsweredEarly, ROW, Property::WantedOrUndone),
];

fn disproved(text: &str) -> Option<Counterexample> {
    let definition = Definition::parse("test", text).unwrap();
    match explore(&definition, Limits::default()).verdict {
        Verdict::Proved => None,
        Verdict::Disproved(found) => Some(*found),
        Verdict::NotProved { .. } => panic!("there are not so many states"),
    }
}

#[test]
fn every_fault_is_found_by_the_rule_that_it_breaks() {
    let mut told = String::new();
    for (defect, text, property) in PLANTS {
        let planted = plant(defect);
        let found = disproved(text);
        drop(planted);
        match found {
            None => told.push_str(&format!("{defect:?}: NOT FOUND\n")),
            Some(found) => {
                let right = if found.property == property {
                    ""
                } else {
                    "OTHER RULE: "
                };
                let lines = found.story.lines.len();
                let (rule, said) = (found.property.as_str(), &found.said);
                told.push_str(&format!(
                    "{defect:?}: {right}{rule}, {lines} lines: {said}\n"
                ));
            }
        }
    }
    assert!(
        !told.contains("NOT FOUND") && !told.contains("OTHER RULE"),
        "{told}"
    );
    insta::assert_snapshot!(told);
}

#[test]
fn without_a_fault_nothing_is_found() {
    for text in [ROW, PIVOT] {
        let found = disproved(text).map(|found| (found.property, found.said));
        assert_eq!(found, None);
    }
}

#[test]
fn no_fault_is_left_out() {
    let planted: BTreeSet<Defect> = PLANTS.iter().map(|(defect, _, _)| *defect).collect();
    assert_eq!(planted, BTreeSet::from(Defect::ALL));
}
