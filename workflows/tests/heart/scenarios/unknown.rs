//! A timeout is never a failure: it spends an attempt, and when they run out the outcome is unknown. Then the
//! definition decides: retry, reconcile, compensate, or a human.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Operation, Status};

use crate::bench::definitions::{trip, trip_with};
use crate::bench::outcomes::{applied, closed, failed, rejected, still_open, succeeded};
use crate::bench::{Bench, SECOND};

fn card_says(lines: &str) -> Definition {
    trip_with(&[("card", lines)])
}

/// The card's two attempts go without an answer.
fn silence(definition: Definition) -> (Bench, Vec<String>) {
    let mut saga = Bench::started(definition);
    saga.until_out("card");
    assert_eq!(
        saga.passes(5 * SECOND),
        ["later card forward, 1 spent, in doubt"]
    );
    assert_eq!(saga.passes(SECOND), ["sent card forward 2"]);
    let lines = saga.passes(5 * SECOND);
    (saga, lines)
}

const ASK: &str = "on_unknown: reconcile
reconcile: { task: payment/ask, timeout: 3s, retry: { max_attempts: 2, initial: 1s } }";

#[test]
fn h06_a_saga_that_may_turn_around_undoes_what_may_have_happened() {
    let (mut saga, lines) = silence(trip());
    assert_eq!(
        lines,
        [
            "gave up card, unknown (timeout)",
            "turned: unknown card (timeout)",
            "sent card compensate 1",
        ],
    );
    assert_eq!(
        saga.answer("card", succeeded()),
        ["undone card", "sent seat compensate 1"]
    );
}

#[test]
fn retry_goes_on_with_the_same_key_until_there_is_an_answer() {
    let (mut saga, lines) = silence(card_says("on_unknown: retry"));
    assert_eq!(lines, ["later card forward, 2 spent, in doubt"]);
    for attempt in 3..20 {
        assert_eq!(saga.wakes(), [format!("sent card forward {attempt}")]);
        assert_eq!(saga.last_sent().generation, 1, "the same effect key");
        let lines = saga.wakes();
        assert!(lines[0].starts_with("later card forward"), "{lines:?}");
    }
    let lines = saga.late("card", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded card", "sent capture forward 1"]);
}

#[test]
fn retry_without_bound_is_ended_by_the_deadline() {
    let (mut saga, _) = silence(card_says("on_unknown: retry"));
    for _ in 0..1_000 {
        let lines = saga.wakes();
        if saga.status() == Status::Compensating {
            assert_eq!(lines, ["turned: deadline", "sent card compensate 1"]);
            return;
        }
    }
    panic!("the deadline never came");
}

#[test]
fn reconcile_that_finds_the_effect_goes_on_with_its_output() {
    let (mut saga, lines) = silence(card_says(ASK));
    assert_eq!(lines, ["sent card reconcile 1"]);
    assert_eq!(saga.last_sent().task, "ask");
    assert_eq!(
        saga.answer("card", applied()),
        ["succeeded card", "sent capture forward 1"]
    );
}

#[test]
fn reconcile_that_closes_the_key_turns_around_and_leaves_the_step_alone() {
    let (mut saga, _) = silence(card_says(ASK));
    assert_eq!(
        saga.answer("card", closed()),
        [
            "closed card (not_found)",
            "turned: rejected card (not_found)",
            "sent seat compensate 1"
        ],
    );
}

#[test]
fn reconcile_asks_again_while_it_is_still_open_and_then_undoes() {
    let (mut saga, _) = silence(card_says(ASK));
    assert_eq!(
        saga.answer("card", still_open()),
        ["later card reconcile, 1 spent, in doubt"]
    );
    assert_eq!(saga.passes(SECOND), ["sent card reconcile 2"]);
    assert_eq!(
        saga.passes(3 * SECOND),
        [
            "gave up card, unknown (timeout)",
            "turned: unknown card (timeout)",
            "sent card compensate 1",
        ],
        "the compensation closes the key",
    );
}

#[test]
fn the_forward_answer_still_counts_while_the_participant_is_asked() {
    let (mut saga, _) = silence(card_says(ASK));
    let lines = saga.late("card", Operation::Forward, 1, failed());
    assert_eq!(
        lines,
        ["ignored: stale"],
        "a failure closes nothing and is no longer waited for"
    );
    let lines = saga.late("card", Operation::Forward, 2, succeeded());
    assert_eq!(lines, ["succeeded card", "sent capture forward 1"]);
    assert_eq!(
        saga.late("card", Operation::Reconcile, 1, applied()),
        ["ignored: known"]
    );
}

#[test]
fn a_late_rejection_ends_the_question_too() {
    let (mut saga, _) = silence(card_says(ASK));
    let lines = saga.late("card", Operation::Forward, 1, rejected("declined"));
    assert_eq!(
        lines,
        [
            "closed card (declined)",
            "turned: rejected card (declined)",
            "sent seat compensate 1"
        ],
    );
}

#[test]
fn operator_stands_before_a_human_until_one_lets_it_try_again() {
    let (mut saga, lines) = silence(card_says("on_unknown: operator"));
    assert_eq!(lines, ["parked card forward (timeout)"]);
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        ["retried card forward, generation 1", "sent card forward 3"],
        "under the same key: nothing is closed",
    );
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(
        saga.passes(5 * SECOND),
        ["later card forward, 1 spent, in doubt"],
        "a new budget"
    );
}

#[test]
fn a_late_success_ends_the_wait_for_a_human() {
    let (mut saga, _) = silence(card_says("on_unknown: operator"));
    let lines = saga.late("card", Operation::Forward, 2, succeeded());
    assert_eq!(lines, ["succeeded card", "sent capture forward 1"]);
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn a_human_may_also_let_it_be_undone() {
    let (mut saga, _) = silence(card_says("on_unknown: operator"));
    assert_eq!(
        saga.cancel(),
        ["turned: cancelled", "sent card compensate 1"]
    );
    assert_eq!(saga.status(), Status::Compensating);
}

#[test]
fn attempts_that_all_failed_ask_nobody() {
    let mut saga = Bench::started(card_says(ASK));
    saga.until_out("card").answer("card", failed());
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("card", failed()),
        [
            "gave up card, failed (broken)",
            "turned: failed card (broken)",
            "sent card compensate 1",
        ],
    );
}
