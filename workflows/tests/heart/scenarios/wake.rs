//! "Look at me no later than this": the wake-up is the earliest instant at which something is due by itself,
//! and a look that comes too early moves the stored one out.

use impresario_workflows::saga::Status;

use crate::bench::definitions::{diamond, trip};
use crate::bench::outcomes::{failed, rejected, succeeded};
use crate::bench::{Bench, MINUTE, SECOND};

#[test]
fn it_is_the_end_of_the_wait_then_the_end_of_the_backoff() {
    let mut saga = Bench::started(trip());
    assert_eq!(saga.wake(), Some(5 * SECOND));
    saga.now += 2 * SECOND;
    saga.answer("seat", failed());
    assert_eq!(saga.wake(), Some(3 * SECOND), "one second from now");
    saga.wakes();
    assert_eq!(saga.wake(), Some(8 * SECOND));
}

#[test]
fn it_is_the_earliest_of_all_that_is_out() {
    let mut saga = Bench::started(diamond());
    saga.answer("base", succeeded());
    saga.now += 3 * SECOND;
    saga.redispatch();
    assert_eq!(saga.wake(), Some(8 * SECOND));
    let right = impresario_workflows::saga::Input::Redispatch { pool: None };
    saga.now += SECOND;
    saga.put(right);
    assert_eq!(saga.wake(), Some(9 * SECOND));
}

#[test]
fn a_deadline_that_comes_first_wakes_it() {
    let mut saga = Bench::started(trip());
    saga.now += 15 * MINUTE - 2 * SECOND;
    saga.redispatch();
    assert_eq!(saga.wake(), Some(15 * MINUTE));
    assert_eq!(saga.wakes(), ["turned: deadline", "sent seat compensate 1"]);
    assert_eq!(
        saga.wake(),
        Some(15 * MINUTE + 5 * SECOND),
        "no deadline on the way back"
    );
}

#[test]
fn past_the_pivot_there_is_no_deadline_to_wake_for() {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket").answer("ticket", rejected("no"));
    assert_eq!(saga.wake(), None);
}

#[test]
fn a_look_that_comes_too_early_moves_the_stored_one_out() {
    let mut saga = Bench::started(trip());
    saga.now += 4 * SECOND;
    saga.answer("seat", succeeded());
    assert_eq!(saga.wake(), Some(9 * SECOND));
    assert_eq!(
        saga.looks(),
        ["ignored: not due"],
        "the stored one is not past"
    );
    assert_eq!(saga.passes(SECOND), ["wake moved to 9000 ms"]);
    assert_eq!(saga.looks(), ["ignored: not due"]);
    assert_eq!(saga.stored_wake, saga.state.next_wake(&saga.definition));
}

#[test]
fn a_saga_before_a_human_is_not_looked_at_for_ever() {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket").answer("ticket", rejected("no"));
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.passes(5 * SECOND), ["wake moved to never"]);
    assert_eq!(saga.passes(5 * SECOND), ["ignored: not due"]);
}

#[test]
fn a_saga_that_was_set_aside_is_not_looked_at_for_ever_either() {
    let mut saga = Bench::started(trip());
    saga.engine_fault();
    assert_eq!(saga.passes(5 * SECOND), ["wake moved to never"]);
    assert_eq!(saga.passes(5 * SECOND), ["ignored: quarantined"]);
}

#[test]
fn an_ended_saga_has_nothing_due() {
    let mut saga = Bench::started(trip());
    saga.answer("seat", rejected("no"));
    assert_eq!(saga.wake(), None);
    assert_eq!(saga.passes(MINUTE), ["ignored: ended"]);
}

#[test]
fn everything_that_is_due_at_once_is_done_at_once() {
    let mut saga = Bench::started(diamond());
    saga.answer("base", succeeded());
    assert_eq!(
        saga.passes(5 * SECOND),
        [
            "gave up left, unknown (timeout)",
            "turned: unknown left (timeout)",
            "sent left compensate 1",
            "sent right compensate 1",
        ],
        "the other one's wait is over with the way forward",
    );
    assert_eq!(
        saga.passes(5 * SECOND),
        [
            "parked left compensate (timeout)",
            "parked right compensate (timeout)"
        ],
    );
}
