//! Steps beside the pivot, which have nothing to undo: what goes wrong with them waits for the pivot's answer.

use impresario_workflows::saga::{Operation, Status};

use crate::bench::Bench;
use crate::bench::definitions::parsed;
use crate::bench::outcomes::{failed, rejected, succeeded};

/// A step beside the pivot that has nothing to undo.
const BESIDE: &str = "
saga: beside
version: 1
deadline: 15m
defaults: { timeout: 5s, retry: { max_attempts: 1 } }
steps:
  seat: { task: catalog/hold, compensate: { task: catalog/release } }
  capture: { needs: [seat], task: payment/capture, pivot: true, on_unknown: operator }
  note: { needs: [seat], task: work/note, compensate: none, reason: a note harms nobody }
";

#[test]
fn a_step_beside_the_pivot_that_fails_waits_for_the_pivot() {
    let mut saga = Bench::started(parsed(BESIDE));
    saga.until_out("note");
    assert_eq!(
        saga.answer("note", rejected("no")),
        ["closed note (no)", "wants to turn: rejected note (no)"],
    );
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(
        saga.answer("capture", rejected("declined")),
        [
            "closed capture (declined)",
            "turned: rejected note (no)",
            "sent seat compensate 1"
        ],
    );
}

#[test]
fn what_failed_beside_the_pivot_stands_before_a_human_once_it_succeeded() {
    let mut saga = Bench::started(parsed(BESIDE));
    saga.until_out("note");
    assert_eq!(
        saga.answer("note", failed()),
        [
            "gave up note, failed (broken)",
            "wants to turn: failed note (broken)"
        ],
    );
    assert_eq!(saga.answer("capture", succeeded()), ["succeeded capture"]);
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        ["retried note forward, generation 1", "sent note forward 2"]
    );
    assert_eq!(
        saga.late("note", Operation::Forward, 1, failed()),
        ["ignored: stale"],
        "the failure of the attempt that was given up counts once",
    );
    assert_eq!(
        saga.answer("note", succeeded()),
        ["succeeded note", "completed"]
    );
}

#[test]
fn a_late_success_beside_the_pivot_is_taken_while_the_wish_waits() {
    let mut saga = Bench::started(parsed(BESIDE));
    saga.until_out("note").answer("note", failed());
    let lines = saga.late("note", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded note"]);
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "completed"]
    );
}

#[test]
fn nothing_new_is_begun_while_a_wish_waits() {
    let text = format!(
        "{BESIDE}  archive: {{ needs: [note], task: work/archive, compensate: none, reason: paper }}\n"
    );
    let mut saga = Bench::started(parsed(&text));
    saga.until_out("note").cancel();
    assert_eq!(saga.answer("note", succeeded()), ["succeeded note"]);
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "sent archive forward 1"]
    );
}
