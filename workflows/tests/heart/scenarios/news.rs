//! News that is early, late, repeated, foreign or forged: each has its meaning, and none of them hurts.

use impresario_workflows::saga::{Input, Operation, Outcome, StepResult};

use crate::bench::definitions::trip;
use crate::bench::outcomes::{applied, closed, failed, rejected, still_open, succeeded, unknown};
use crate::bench::{Bench, SECOND, start};

fn result(step: &str, generation: u32, attempt: u32, outcome: Outcome) -> Input {
    let (step, operation) = (step.to_owned(), Operation::Forward);
    Input::Result(StepResult {
        step,
        operation,
        generation,
        attempt,
        outcome,
    })
}

fn every_outcome() -> Vec<Outcome> {
    vec![
        succeeded(),
        rejected("no"),
        failed(),
        unknown(),
        Outcome::Refused,
        Outcome::Expired,
        Outcome::Heartbeat,
        applied(),
        closed(),
        still_open(),
    ]
}

#[test]
fn a_second_start_finds_the_first() {
    let mut saga = Bench::started(trip());
    let other = serde_json::json!({ "seats": 9 });
    assert_eq!(saga.put(start(other)), ["ignored: already started"]);
    assert_eq!(
        saga.state.input["seats"], 2,
        "what it was started with stays"
    );
    saga.answer("seat", rejected("no"));
    assert_eq!(
        saga.put(start(serde_json::json!({}))),
        ["ignored: already started"]
    );
}

#[test]
fn before_the_start_there_is_nothing_to_tell_and_nothing_to_command() {
    let mut saga = Bench::unborn(trip());
    assert_eq!(saga.looks(), ["ignored: not started"]);
    assert_eq!(saga.redispatch(), ["ignored: not started"]);
    assert_eq!(saga.engine_fault(), ["ignored: not started"]);
    assert_eq!(
        saga.put(result("seat", 1, 1, succeeded())),
        ["ignored: not started"]
    );
    assert_eq!(
        saga.cancel(),
        ["refused: cannot cancel: the saga does not exist"]
    );
    assert_eq!(
        saga.retry(),
        ["refused: cannot retry: the saga does not exist"]
    );
}

#[test]
fn h28_an_answer_about_a_step_that_is_not_there_is_foreign() {
    let mut saga = Bench::started(trip());
    for outcome in every_outcome() {
        assert_eq!(
            saga.put(result("hotel", 1, 1, outcome)),
            ["ignored: foreign"]
        );
    }
}

#[test]
fn an_answer_about_a_step_that_was_not_sent_is_not_believed() {
    let mut saga = Bench::started(trip());
    for outcome in every_outcome() {
        let lines = saga.put(result("card", 1, 1, outcome));
        assert!(
            lines == ["ignored: known"] || lines == ["ignored: stale"],
            "{lines:?}"
        );
    }
    for outcome in every_outcome() {
        let lines = saga.late("seat", Operation::Compensate, 1, outcome);
        assert_eq!(lines, ["ignored: known"], "nobody asked to undo anything");
    }
}

#[test]
fn another_generation_never_counts() {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket").answer("ticket", rejected("no"));
    saga.retry();
    for outcome in every_outcome() {
        assert_eq!(
            saga.put(result("ticket", 1, 1, outcome.clone())),
            ["ignored: stale"]
        );
        assert_eq!(
            saga.put(result("ticket", 3, 1, outcome)),
            ["ignored: stale"]
        );
    }
    assert_eq!(
        saga.put(result("ticket", 2, 1, succeeded())),
        ["succeeded ticket", "completed"]
    );
}

#[test]
fn what_was_answered_for_good_is_not_answered_again() {
    let mut saga = Bench::started(trip());
    saga.answer("seat", succeeded());
    for outcome in every_outcome() {
        let lines = saga.put(result("seat", 1, 1, outcome));
        assert!(
            lines == ["ignored: known"] || lines == ["ignored: stale"],
            "{lines:?}"
        );
    }
}

#[test]
fn h07_after_the_end_every_answer_is_late() {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket").answer("ticket", succeeded());
    for outcome in every_outcome() {
        assert_eq!(
            saga.put(result("ticket", 1, 1, outcome)),
            ["ignored: ended"]
        );
    }
    assert_eq!(saga.redispatch(), ["ignored: ended"]);
    assert_eq!(saga.engine_fault(), ["ignored: ended"]);
}

#[test]
fn h28_an_attempt_number_that_was_never_given_closes_nothing() {
    let mut saga = Bench::started(trip());
    for attempt in [0, 2, u32::MAX] {
        assert_eq!(
            saga.put(result("seat", 1, attempt, failed())),
            ["ignored: stale"]
        );
        assert_eq!(
            saga.put(result("seat", 1, attempt, Outcome::Heartbeat)),
            ["ignored: stale"]
        );
    }
}

#[test]
fn answers_side_by_side_come_in_any_order() {
    let definition = crate::bench::definitions::diamond;
    for first in ["left", "right"] {
        let second = if first == "left" { "right" } else { "left" };
        let mut saga = Bench::started(definition());
        saga.answer("base", succeeded());
        assert_eq!(
            saga.answer(first, succeeded()),
            [format!("succeeded {first}")]
        );
        saga.now += SECOND;
        let lines = saga.answer(second, succeeded());
        assert_eq!(
            lines,
            [
                format!("succeeded {second}"),
                "sent join forward 1".to_owned()
            ]
        );
    }
}
