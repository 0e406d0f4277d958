//! Undoing: over every step that was dispatched and is not closed, in reverse order, side by side where the
//! graph allows, with attempts of its own and no way to say no.

use impresario_workflows::saga::{Operation, Outcome, Status};

use crate::bench::definitions::{diamond, parsed, trip};
use crate::bench::outcomes::{applied, closed, failed, rejected, succeeded, unknown};
use crate::bench::{Bench, SECOND};

/// A diamond in which everything happened but the join, which said no.
fn diamond_to_undo() -> (Bench, Vec<String>) {
    let mut saga = Bench::started(diamond());
    saga.until_out("join");
    let lines = saga.answer("join", rejected("no"));
    (saga, lines)
}

#[test]
fn a_diamond_is_undone_side_by_side_and_its_base_last() {
    let (mut saga, lines) = diamond_to_undo();
    assert_eq!(
        lines,
        [
            "closed join (no)",
            "turned: rejected join (no)",
            "sent left compensate 1",
            "sent right compensate 1",
        ],
    );
    assert_eq!(saga.answer("right", succeeded()), ["undone right"]);
    let lines = saga.answer("left", succeeded());
    assert_eq!(lines, ["undone left", "sent base compensate 1"]);
    assert_eq!(
        saga.answer("base", succeeded()),
        ["undone base", "compensated"]
    );
}

#[test]
fn whatever_was_dispatched_and_is_not_closed_is_undone() {
    // left is unanswered, right failed: neither is closed; join was never sent.
    let mut saga = Bench::started(diamond());
    saga.until_out("left");
    assert_eq!(
        saga.answer("right", failed()),
        [
            "gave up right, failed (broken)",
            "turned: failed right (broken)",
            "sent left compensate 1",
            "sent right compensate 1",
        ],
    );
    assert_eq!(saga.answer("left", succeeded()), ["undone left"]);
    assert_eq!(
        saga.answer("right", succeeded()),
        ["undone right", "sent base compensate 1"]
    );
    assert_eq!(
        saga.answer("base", succeeded()),
        ["undone base", "compensated"]
    );
}

#[test]
fn what_was_never_dispatched_is_not_undone() {
    let mut saga = Bench::started(trip());
    assert_eq!(
        saga.cancel(),
        ["turned: cancelled", "sent seat compensate 1"]
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
    assert!(
        saga.sent.iter().all(|task| task.step == 0),
        "only the seat was ever asked about"
    );
}

#[test]
fn h07_a_late_success_is_evidence_and_covered_by_the_undoing() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    let lines = saga.late("seat", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded seat"]);
    let again = saga.late("seat", Operation::Forward, 1, succeeded());
    assert_eq!(again, ["ignored: known"]);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn h07_after_the_undoing_a_late_success_is_no_news() {
    let mut saga = Bench::started(diamond());
    saga.until_out("left").cancel();
    saga.answer("left", succeeded());
    let lines = saga.late("left", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["ignored: known"]);
}

#[test]
fn a_late_rejection_leaves_nothing_to_undo() {
    let mut saga = Bench::started(diamond());
    saga.until_out("left").cancel();
    let lines = saga.late("left", Operation::Forward, 1, rejected("no"));
    assert_eq!(
        lines,
        ["closed left (no)"],
        "its undoing is out, and no longer waited for"
    );
    assert_eq!(
        saga.late("left", Operation::Compensate, 1, succeeded()),
        ["ignored: known"]
    );
    assert_eq!(
        saga.answer("right", succeeded()),
        ["undone right", "sent base compensate 1"]
    );
    assert_eq!(
        saga.answer("base", succeeded()),
        ["undone base", "compensated"]
    );
}

#[test]
fn a_late_rejection_frees_a_saga_that_is_stuck_at_undoing_the_step() {
    let mut saga = Bench::started(trip());
    saga.until_out("card").cancel();
    saga.answer("card", failed());
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("card", failed()),
        ["parked card compensate (broken)"]
    );
    let lines = saga.late("card", Operation::Forward, 1, rejected("declined"));
    assert_eq!(lines, ["closed card (declined)", "sent seat compensate 1"]);
    assert_eq!(saga.status(), Status::Compensating);
}

#[test]
fn nobody_asks_again_to_undo_what_is_closed() {
    let mut saga = Bench::started(diamond());
    saga.until_out("left").cancel();
    saga.late("left", Operation::Forward, 1, rejected("no"));
    assert_eq!(saga.redispatch(), ["sent right compensate 1"]);
    assert_eq!(
        saga.passes(5 * SECOND),
        ["parked right compensate (timeout)"]
    );
    assert_eq!(
        saga.retry(),
        [
            "retried right compensate, generation 1",
            "sent right compensate 2"
        ]
    );
}

#[test]
fn a_refusal_may_be_the_undoings_own_tombstone_and_closes_nothing() {
    // The undoing may have begun and not be through: only its own answer ends the matter.
    let mut saga = Bench::started(trip());
    saga.cancel();
    let lines = saga.late("seat", Operation::Forward, 1, Outcome::Refused);
    assert_eq!(lines, ["ignored: known"]);
    let lines = saga.late("seat", Operation::Reconcile, 1, closed());
    assert_eq!(lines, ["ignored: known"]);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn failures_and_silence_spend_the_undoings_own_attempts() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    assert_eq!(
        saga.answer("seat", unknown()),
        ["later seat compensate, 1 spent, in doubt"]
    );
    assert_eq!(saga.passes(SECOND), ["sent seat compensate 2"]);
    assert_eq!(
        saga.passes(5 * SECOND),
        ["parked seat compensate (timeout)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
}

#[test]
fn there_is_no_business_no_to_an_undoing() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    assert_eq!(
        saga.answer("seat", rejected("no")),
        ["later seat compensate, 1 spent"]
    );
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("seat", Outcome::Refused),
        ["parked seat compensate (refused)"]
    );
}

#[test]
fn an_effect_that_is_still_there_is_not_undone() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    let lines = saga.answer("seat", applied());
    assert_eq!(lines, ["later seat compensate, 1 spent, in doubt"]);
    saga.passes(SECOND);
    let lines = saga.answer("seat", closed());
    assert_eq!(
        lines,
        ["undone seat", "compensated"],
        "no effect, ever: that is undone"
    );
}

#[test]
fn undone_is_undone_from_any_attempt() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    saga.passes(5 * SECOND);
    saga.passes(SECOND);
    let lines = saga.late("seat", Operation::Compensate, 1, succeeded());
    assert_eq!(lines, ["undone seat", "compensated"]);
}

#[test]
fn a_failure_to_undo_counts_only_from_the_current_attempt() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    saga.answer("seat", failed());
    saga.passes(SECOND);
    let lines = saga.late("seat", Operation::Compensate, 1, failed());
    assert_eq!(lines, ["ignored: stale"]);
}

#[test]
fn h10_one_that_cannot_be_undone_stops_its_ancestors_and_nobody_else() {
    let (mut saga, _) = diamond_to_undo();
    assert_eq!(
        saga.answer("left", failed()),
        ["parked left compensate (broken)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.answer("right", succeeded()),
        ["undone right"],
        "the other side goes on"
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.state.next_wake(&saga.definition),
        None,
        "nothing is due by itself"
    );
    assert_eq!(
        saga.retry_step("left"),
        [
            "retried left compensate, generation 1",
            "sent left compensate 2"
        ],
    );
    assert_eq!(saga.status(), Status::Compensating);
    assert_eq!(
        saga.answer("left", succeeded()),
        ["undone left", "sent base compensate 1"]
    );
    assert_eq!(
        saga.answer("base", succeeded()),
        ["undone base", "compensated"]
    );
}

#[test]
fn a_late_answer_ends_the_wait_for_a_human() {
    let (mut saga, _) = diamond_to_undo();
    saga.answer("left", failed());
    saga.answer("right", succeeded());
    let lines = saga.late("left", Operation::Compensate, 1, succeeded());
    assert_eq!(lines, ["undone left", "sent base compensate 1"]);
    assert_eq!(saga.status(), Status::Compensating);
}

#[test]
fn steps_that_need_no_undoing_are_passed_over() {
    let definition = parsed(
        "
saga: reading
version: 1
steps:
  seat: { task: catalog/hold, compensate: { task: catalog/release } }
  score: { needs: [seat], task: risk/score, readonly: true }
  pin: { needs: [score], task: catalog/pin, compensate: none, reason: releasing unpins }
  card: { needs: [pin], task: payment/authorize, compensate: { task: payment/void } }
",
    );
    let mut saga = Bench::started(definition);
    saga.until_out("pin");
    let lines = saga.cancel();
    assert_eq!(lines, ["turned: cancelled", "sent seat compensate 1"]);
    let lines = saga.late("pin", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded pin"], "evidence");
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn a_late_success_of_what_needs_no_undoing_does_not_start_what_follows() {
    let mut saga = Bench::started(trip());
    saga.until_out("card").cancel();
    let lines = saga.late("card", Operation::Forward, 1, succeeded());
    assert_eq!(
        lines,
        ["succeeded card"],
        "the capture is not sent any more"
    );
}
