//! A saga that runs as a step of another one: how it begins, ends, and is undone.

use impresario_workflows::saga::{Input, Operation, Outcome, Parent, Start, Status};
use serde_json::json;

use crate::bench::definitions::{diamond, parsed, trip};
use crate::bench::outcomes::{rejected, succeeded};
use crate::bench::{Bench, SECOND, stamp};

fn parent() -> Parent {
    Parent {
        saga: "p".to_owned(),
        step: "child".to_owned(),
        generation: 1,
    }
}

fn born(definition: impresario_workflows::Definition, stillborn: bool) -> Bench {
    let mut saga = Bench::unborn(definition);
    saga.put(Input::Start(Start {
        parent: Some(parent()),
        stillborn: stillborn.then(|| stamp("undo")),
        ..Start::with(json!({ "seats": 2, "vip": true }))
    }));
    saga
}

/// Answers everything that is out.
fn to_its_end(saga: &mut Bench) {
    for _ in 0..64 {
        let Some((unit, _, _)) = saga.state.open_work().next() else {
            return;
        };
        let name = saga.state.unit_name(&saga.definition, unit);
        saga.answer(&name, succeeded());
    }
    panic!("it does not end");
}

fn told(saga: &Bench) -> Vec<(Operation, &'static str)> {
    saga.reports
        .iter()
        .map(|report| {
            assert_eq!(report.parent, parent());
            (report.operation, report.outcome.name())
        })
        .collect()
}

#[test]
fn its_end_is_the_answer() {
    let mut saga = born(diamond(), false);
    to_its_end(&mut saga);
    assert_eq!(saga.status(), Status::Completed);
    assert_eq!(told(&saga), [(Operation::Forward, "succeeded")]);
}

#[test]
fn undone_by_itself_it_never_happened() {
    let mut saga = born(diamond(), false);
    saga.answer("base", rejected("no"));
    assert_eq!(saga.status(), Status::Compensated);
    assert_eq!(
        told(&saga),
        [
            (Operation::Forward, "rejected"),
            (Operation::Compensate, "succeeded")
        ]
    );
}

#[test]
fn its_parent_undoes_it_also_when_it_has_completed() {
    let mut saga = born(diamond(), false);
    to_its_end(&mut saga);
    assert_eq!(
        saga.put(Input::Undo(stamp("undo"))),
        ["turned: cancelled", "sent join compensate 1"]
    );
    to_its_end(&mut saga);
    assert_eq!(saga.status(), Status::Compensated);
    assert_eq!(
        told(&saga).last(),
        Some(&(Operation::Compensate, "succeeded"))
    );
    assert_eq!(saga.put(Input::Undo(stamp("undo"))), ["ignored: known"]);
    assert_eq!(saga.put(Input::Undo(stamp("again"))), ["ignored: ended"]);
}

#[test]
fn undone_before_it_began_it_is_a_tombstone() {
    let mut saga = born(diamond(), true);
    assert_eq!(saga.status(), Status::Compensated);
    assert!(saga.sent.is_empty(), "nothing is ever sent");
    assert_eq!(
        told(&saga),
        [
            (Operation::Forward, "rejected"),
            (Operation::Compensate, "succeeded")
        ]
    );
    let late = Input::Start(Start::with(json!({})));
    assert_eq!(saga.put(late), ["ignored: already started"]);
}

#[test]
fn past_its_pivot_it_cannot_be_undone() {
    let mut saga = born(trip(), false);
    saga.until_out("ticket");
    assert_eq!(
        saga.put(Input::Undo(stamp("undo"))),
        ["refused: cannot cancel: step `capture` is done, and after it the saga only goes forward"]
    );
    let answer = saga
        .state
        .answer_to_parent(&saga.definition, Operation::Compensate);
    assert!(matches!(answer, Outcome::Failed(problem) if problem.code == "past_pivot"));
}

#[test]
fn asked_again_meanwhile_it_is_still_at_it() {
    let saga = born(diamond(), false);
    let answer = saga
        .state
        .answer_to_parent(&saga.definition, Operation::Forward);
    assert_eq!(answer, Outcome::Heartbeat);
}

/// The parent: a child, then a ticket that may be refused.
fn outer() -> Bench {
    Bench::started(parsed(
        "
saga: outer
version: 1
deadline: 10h
steps:
  child: { saga: diamond, input: { seats: 1 } }
  ticket:
    needs: [child]
    task: booking/issue
    compensate: { task: booking/void, timeout: 5s }
",
    ))
}

#[test]
fn a_parent_asks_the_engine_and_undoes_the_child_with_the_step() {
    let mut saga = outer();
    let task = saga.last_sent();
    assert_eq!(
        (task.pool.as_str(), task.task.as_str()),
        ("sagas", "diamond")
    );
    assert_eq!(
        saga.answer("child", succeeded()),
        ["succeeded child", "sent ticket forward 1"]
    );
    let lines = saga.answer("ticket", rejected("no"));
    assert_eq!(lines[2], "sent child compensate 1");
    assert_eq!(
        saga.answer("child", succeeded()),
        ["undone child", "compensated"]
    );
}

#[test]
fn a_child_that_was_undone_closes_the_step() {
    let mut saga = outer();
    assert_eq!(
        saga.answer("child", rejected("cancelled")),
        [
            "closed child (cancelled)",
            "turned: rejected child (cancelled)",
            "compensated"
        ]
    );
}

#[test]
fn a_child_takes_its_time() {
    let mut saga = outer();
    for _ in 0..3 {
        saga.now += 45 * 60 * SECOND;
        assert_eq!(
            saga.answer("child", Outcome::Heartbeat),
            ["postponed child forward"]
        );
    }
    // An answer that was lost is asked for again, without end.
    for round in 1..4 {
        let lines = saga.wakes();
        assert_eq!(
            lines,
            [format!("later child forward, {round} spent, in doubt")]
        );
        assert_eq!(saga.wakes(), [format!("sent child forward {}", round + 1)]);
    }
}
