//! What must hold of every decision, whatever led to it.
//!
//! Called by the bench for each input of each test. The facts are folded one by one here, a second time, so
//! that each is judged in the state that it met.

use impresario_workflows::Definition;
use impresario_workflows::definition::{OnUnknown, Undo};
use impresario_workflows::saga::{
    Command, Decision, Dispatch, Event, Forward, Ignored, Input, Meaning, Operation, Phase, State,
    Status, Undoing, Wait, evolve,
};

/// Panics when a law is broken.
pub(crate) fn hold(definition: &Definition, before: &State, input: &Input, decision: &Decision) {
    silence_changes_nothing(before, decision);
    ended_stays_ended(definition, before, input, decision);
    // What follows a change of version follows under the other one.
    let definition = match input {
        Input::Migrate(migration) if decision.meaning.is_news() => &migration.to,
        _ => definition,
    };
    let mut state = before.clone();
    for event in &decision.events {
        may_follow(definition, &state, event);
        let changed = state.clone();
        evolve(definition, &mut state, event).expect("a decided fact folds");
        changes_something(&changed, &state, event);
        survives_storage(event);
    }
    assert_eq!(state, decision.next, "replay comes to the same state");
    tasks_are_facts(definition, decision);
    stands_well(definition, &decision.next);
}

/// Ignored news leaves no trace.
fn silence_changes_nothing(before: &State, decision: &Decision) {
    match decision.meaning {
        Meaning::News => assert!(!decision.events.is_empty(), "news without a fact"),
        Meaning::Ignored(_) => {
            assert!(
                decision.events.is_empty(),
                "ignored, with facts: {:?}",
                decision.events
            );
            assert!(decision.commands.is_empty(), "ignored, with commands");
            assert_eq!(&decision.next, before, "ignored, and changed");
        }
    }
}

/// A saga that ended never changes.
fn ended_stays_ended(definition: &Definition, before: &State, input: &Input, decision: &Decision) {
    if before.status(definition).is_final() {
        let expected = match input {
            Input::Start(_) | Input::Found(_) => Ignored::AlreadyStarted,
            // The same command again.
            Input::Cancel(stamp) | Input::Undo(stamp) | Input::Retry { stamp, .. }
                if before.stamps.contains(&stamp.key) =>
            {
                Ignored::Known
            }
            Input::Result(_)
            | Input::Timer(_)
            | Input::Redispatch { .. }
            | Input::Cancel(_)
            | Input::Retry { .. }
            | Input::Signal(_)
            | Input::Decide(_)
            | Input::Migrate(_)
            | Input::EngineFault(_) => Ignored::Ended,
            // A parent undoes a child that has completed.
            Input::Undo(_) if matches!(before.phase, Phase::Completed { .. }) => return,
            Input::Undo(_) => Ignored::Ended,
        };
        assert_eq!(
            decision.meaning,
            Meaning::Ignored(expected),
            "{input:?} after the end"
        );
    }
}

/// A fact that changes nothing is noise; only these are for others to read, or may repeat themselves.
fn changes_something(before: &State, after: &State, event: &Event) {
    let may_repeat = matches!(
        event,
        Event::WakeMoved { .. }
            | Event::Dispatched { .. }
            | Event::Parked { .. }
            | Event::Retried { .. }
    );
    assert!(may_repeat || before != after, "{event:?} changes nothing");
}

/// Stored bytes come back as the same fact.
fn survives_storage(event: &Event) {
    let text = serde_json::to_string(event).expect("a fact is JSON");
    let back: Event = serde_json::from_str(&text).expect("and comes back");
    assert_eq!(&back, event);
}

/// Whether this fact may follow on this state.
fn may_follow(definition: &Definition, state: &State, event: &Event) {
    match event {
        Event::Dispatched {
            step,
            operation,
            attempt,
            ..
        } => {
            let index = state.unit(definition, step).expect("a unit of the saga");
            match operation {
                Operation::Forward | Operation::Reconcile => forward_task(definition, state, index),
                Operation::Compensate => undo_task(definition, state, index),
            }
            never_backwards(state, index, *operation, *attempt);
        }
        Event::Turned { .. } => {
            assert!(!state.past_pivot(definition), "turned past the pivot");
            assert!(
                !state.pivot_is_open(definition),
                "turned while the pivot is open"
            );
            let turns = matches!(state.phase, Phase::Forward { .. } | Phase::Completed { .. });
            assert!(turns, "turned twice");
        }
        Event::TurnRequested { .. } => {
            assert!(
                state.pivot_is_open(definition),
                "waits for a pivot that is not out"
            );
        }
        Event::Retried {
            step, generation, ..
        } => {
            let index = state.unit(definition, step).expect("a unit of the saga");
            let old = &state.steps[index];
            let closed = matches!(old.forward, Forward::Closed { .. });
            assert_eq!(
                *generation,
                old.generation + u32::from(closed),
                "generation of {step}"
            );
        }
        Event::Compensated {} => {
            for index in 0..state.steps.len() {
                assert!(!state.owes_undo(definition, index), "ended owing an undo");
            }
        }
        Event::Completed { .. } => {
            assert_eq!(
                state.done(),
                definition.all_steps(),
                "completed with steps missing"
            );
        }
        Event::PassedOver { step } => {
            let index = state.unit(definition, step).expect("a unit of the saga");
            assert!(
                state.steps[index].failure().is_some(),
                "`{step}` did not fail"
            );
        }
        Event::SignalTaken { step, key } => {
            let index = state.unit(definition, step).expect("a unit of the saga");
            assert!(
                state.waiting().any(|(unit, _)| unit == index),
                "`{step}` does not wait"
            );
            assert!(
                state.signals.iter().any(|signal| signal.key == *key),
                "`{step}` takes a signal that is not there"
            );
        }
        Event::Waiting { .. }
        | Event::FannedOut { .. }
        | Event::Signalled { .. }
        | Event::Decided { .. }
        | Event::Started { .. }
        | Event::Found { .. }
        | Event::Skipped { .. }
        | Event::Blocked { .. }
        | Event::Postponed { .. }
        | Event::RetryScheduled { .. }
        | Event::Succeeded { .. }
        | Event::Closed { .. }
        | Event::GaveUp { .. }
        | Event::Parked { .. }
        | Event::Undone { .. }
        | Event::Quarantined { .. }
        | Event::Released { .. }
        | Event::Migrated { .. }
        | Event::WakeMoved { .. } => {}
    }
}

/// Forward tasks only on the way forward, only for what is not settled, only after what they need.
fn forward_task(definition: &Definition, state: &State, index: usize) {
    let step = &definition.steps[state.step_of(index)];
    assert!(
        matches!(state.phase, Phase::Forward { .. }),
        "`{}` sent after turning",
        step.id
    );
    assert!(
        state.quarantine.is_none(),
        "`{}` sent while set aside",
        step.id
    );
    assert!(
        step.needs.is_subset(state.done()),
        "`{}` sent before its needs",
        step.id
    );
    match &state.steps[index].forward {
        Forward::Pending => {
            let free = state.phase == Phase::Forward { turn: None };
            assert!(free, "`{}` begun while wanting to turn", step.id);
        }
        Forward::Open { .. } => {}
        settled => panic!("`{}` sent again, and it is {settled:?}", step.id),
    }
}

/// Undo tasks only on the way back, only for what is owed, only after everything that was built on it.
fn undo_task(definition: &Definition, state: &State, index: usize) {
    let step = &definition.steps[state.step_of(index)];
    assert!(
        matches!(state.phase, Phase::Compensating { .. }),
        "`{}` undone going on",
        step.id
    );
    assert!(
        state.quarantine.is_none(),
        "`{}` undone while set aside",
        step.id
    );
    assert!(
        state.owes_undo(definition, index),
        "`{}` owes no undo",
        step.id
    );
    assert!(
        !state.past_pivot(definition),
        "`{}` undone past the pivot",
        step.id
    );
    for later in step.descendants.iter() {
        let owes = state.owing(definition).contains(later);
        assert!(
            !owes,
            "`{}` undone before `{}`",
            step.id, definition.steps[later].id
        );
    }
}

/// Attempts of one effect are numbered upwards; the same number again is the same attempt.
fn never_backwards(state: &State, index: usize, operation: Operation, attempt: u32) {
    let last = state
        .open_work()
        .find(|(open, now, _)| *open == index && *now == operation)
        .map(|(_, _, work)| work);
    let begins = match operation {
        Operation::Forward => state.steps[index].attempts + 1,
        Operation::Compensate | Operation::Reconcile => 1,
    };
    let least = last.map_or(begins, |work| match work.wait {
        Wait::Answer { .. } => work.attempt,
        Wait::Backoff { .. } | Wait::Operator { .. } => work.attempt + 1,
    });
    assert_eq!(attempt, least, "attempt number of step {index}");
}

/// Each task that is sent is a fact, and each such fact sends its task, unless it could not be made.
fn tasks_are_facts(definition: &Definition, decision: &Decision) {
    let facts: Vec<(usize, Operation, u32)> = decision
        .events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match event {
            Event::Dispatched {
                step,
                operation,
                attempt,
                ..
            } => {
                let unsendable = matches!(
                    decision.events.get(at + 1),
                    Some(Event::Parked { step: parked, problem, .. })
                        if parked == step && problem.code == "unmappable"
                );
                let index = decision.next.unit(definition, step)?;
                (!unsendable).then_some((index, *operation, *attempt))
            }
            _ => None,
        })
        .collect();
    let tasks: Vec<(usize, Operation, u32)> = decision
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Dispatch(task) => Some(task),
            Command::Report(_) => None,
        })
        .map(|task| {
            assert_eq!(task.generation, decision.next.steps[task.step].generation);
            assert_eq!(
                task.unit,
                decision.next.unit_name(definition, task.step),
                "misnamed"
            );
            let pool = pool_of(definition, &decision.next, task);
            assert_eq!(task.pool, pool, "asked the wrong pool");
            (task.step, task.operation, task.attempt)
        })
        .collect();
    assert_eq!(facts, tasks, "tasks and facts differ");
}

fn pool_of<'a>(definition: &'a Definition, state: &State, task: &Dispatch) -> &'a str {
    let step = &definition.steps[state.step_of(task.step)];
    match (task.operation, &step.undo, &step.reconcile) {
        (Operation::Forward, _, _) => &step.task().expect("a task").pool,
        (Operation::Reconcile, _, Some(reconcile)) => &reconcile.task.pool,
        (Operation::Compensate, Undo::Compensate(undo), _) => &undo.task.pool,
        (operation, _, _) => panic!("`{}` has no {}", step.id, operation.as_str()),
    }
}

/// What holds of a state at rest: its status is the one that fits, and it is never silent.
fn stands_well(definition: &Definition, state: &State) {
    let status = state.status(definition);
    let parked = state.parked(definition).count();
    let open = !matches!(
        state.phase,
        Phase::Completed { .. } | Phase::Compensated { .. }
    );
    let before_human = open && (parked > 0 || state.quarantine.is_some());
    assert_eq!(
        status == Status::Stuck,
        before_human,
        "stuck is: something is parked"
    );
    if !status.is_final() && status != Status::Stuck && state.phase != Phase::New {
        assert!(state.next_wake(definition).is_some(), "silent: {state:?}");
    }
    if status.is_final() {
        assert_eq!(state.next_wake(definition), None, "an end has nothing due");
    }
    attempts_are_bounded(definition, state);
    undone_only_going_back(state);
}

/// Work that goes on by itself has attempts left, or its step goes on without bound.
fn attempts_are_bounded(definition: &Definition, state: &State) {
    for (index, operation, work) in state.open_work() {
        let step = &definition.steps[state.step_of(index)];
        let retry = match (operation, &step.undo, &step.reconcile) {
            (Operation::Compensate, Undo::Compensate(undo), _) => &undo.retry,
            (Operation::Reconcile, _, Some(reconcile)) => &reconcile.retry,
            _ => &step.retry,
        };
        let unbounded = operation == Operation::Forward && step.on_unknown == OnUnknown::Retry;
        let waits_for_human = matches!(work.wait, Wait::Operator { .. });
        let left = retry.attempts_max.is_none_or(|max| work.spent < max);
        assert!(
            left || unbounded || waits_for_human,
            "`{}` goes on past its budget",
            step.id
        );
    }
}

fn undone_only_going_back(state: &State) {
    let back = matches!(
        state.phase,
        Phase::Compensating { .. } | Phase::Compensated { .. }
    );
    let undoing = state
        .steps
        .iter()
        .any(|step| step.undoing != Undoing::NotStarted);
    assert!(
        back || !undoing,
        "something is undone in a saga that goes on"
    );
}
