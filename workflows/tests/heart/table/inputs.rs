//! Everything that can happen, for one state: answers to what is open, to what is not, looks, commands.

use std::collections::BTreeMap;

use impresario_workflows::Definition;
use impresario_workflows::saga::{
    Input, Operation, Outcome, Problem, Served, State, StepResult, Work,
};
use serde_json::json;

use crate::bench::outcomes::output;
use crate::bench::{SECOND, definitions, stamp, start};

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// Everything.
    All,
    /// Everything, with answers to the first open step only.
    FirstOpen,
    /// Only answers and looks, for every open step.
    AnswersToAll,
}

/// Name, input, and when it comes.
pub(crate) fn inputs(
    definition: &Definition,
    state: &State,
    now: u64,
    width: Width,
) -> Vec<(String, Input, u64)> {
    let mut all = Vec::new();
    let mut put = |name: &str, input: Input, at: u64| all.push((name.to_owned(), input, at));
    let open: Vec<_> = state
        .open_work()
        .map(|(step, operation, work)| (step, operation, work.clone()))
        .collect();
    let shown = if width == Width::FirstOpen {
        1
    } else {
        open.len()
    };
    for (step, operation, work) in open.iter().take(shown) {
        let id = &definition.steps[*step].id;
        let label = |name: &str| {
            if width == Width::FirstOpen {
                name.to_owned()
            } else {
                format!("{id} {name}")
            }
        };
        for (name, outcome) in outcomes() {
            let news = answer(state, id, *step, *operation, work.attempt, outcome);
            put(&label(name), news, now);
        }
        late(&mut put, &label, state, (id, *step, *operation, work), now);
    }
    let due = state.next_wake(definition);
    put("look", look(definition, now, None, true), now);
    if let Some(due) = due {
        let due = due.max(now);
        put("look when due", look(definition, due, Some(due), true), due);
        let out = due + 20 * SECOND;
        put(
            "look in an outage",
            look(definition, out, Some(due), false),
            out,
        );
    } else {
        put(
            "look with a stored wake-up",
            look(definition, now, Some(now), true),
            now,
        );
    }
    let command = |name: &str| stamp(&format!("{name}-{}", state.stamps.len()));
    put("cancel", Input::Cancel(command("cancel")), now);
    put(
        "retry",
        Input::Retry {
            step: None,
            stamp: command("retry"),
        },
        now,
    );
    if width != Width::AnswersToAll {
        put("start", start(booking_input()), now);
        put("redispatch", Input::Redispatch { pool: None }, now + 1);
        put(
            "engine fault",
            Input::EngineFault(Problem::new("engine_error", "it is")),
            now,
        );
        elsewhere(&mut put, definition, state, now);
    }
    all
}

/// News that is not about what is asked.
fn elsewhere(
    put: &mut impl FnMut(&str, Input, u64),
    definition: &Definition,
    state: &State,
    now: u64,
) {
    let news = |step: &str, generation: u32| {
        let (step, operation, outcome) = (
            step.to_owned(),
            Operation::Forward,
            Outcome::Succeeded(output()),
        );
        Input::Result(StepResult {
            step,
            operation,
            generation,
            attempt: 1,
            outcome,
        })
    };
    put("foreign step", news("elsewhere", 1), now);
    let generation = state.steps[0].generation + 1;
    put(
        "other generation",
        news(&definition.steps[0].id, generation),
        now,
    );
}

/// News of other attempts and of the other direction.
fn late(
    put: &mut impl FnMut(&str, Input, u64),
    label: &impl Fn(&str) -> String,
    state: &State,
    (id, step, operation, work): (&str, usize, Operation, &Work),
    now: u64,
) {
    let success = || Outcome::Succeeded(output());
    if operation == Operation::Forward {
        let attempt = work.attempt + 1;
        let other = |outcome| answer(state, id, step, operation, attempt, outcome);
        put(&label("other attempt succeeded"), other(success()), now);
        put(
            &label("other attempt rejected"),
            other(Outcome::Rejected(why())),
            now,
        );
        put(
            &label("other attempt failed"),
            other(Outcome::Failed(why())),
            now,
        );
        return;
    }
    let forward = |outcome| answer(state, id, step, Operation::Forward, 1, outcome);
    put(&label("late forward succeeded"), forward(success()), now);
    put(
        &label("late forward rejected"),
        forward(Outcome::Rejected(why())),
        now,
    );
    put(
        &label("late forward refused"),
        forward(Outcome::Refused),
        now,
    );
    put(
        &label("late forward failed"),
        forward(Outcome::Failed(why())),
        now,
    );
}

fn answer(
    state: &State,
    id: &str,
    step: usize,
    operation: Operation,
    attempt: u32,
    outcome: Outcome,
) -> Input {
    let generation = state.steps[step].generation;
    Input::Result(StepResult {
        step: id.to_owned(),
        operation,
        generation,
        attempt,
        outcome,
    })
}

fn why() -> Problem {
    Problem::new("why", "it is")
}

fn outcomes() -> [(&'static str, Outcome); 10] {
    [
        ("succeeded", Outcome::Succeeded(output())),
        ("applied", Outcome::Applied(output())),
        ("rejected", Outcome::Rejected(why())),
        ("closed", Outcome::Closed(why())),
        ("refused", Outcome::Refused),
        ("failed", Outcome::Failed(why())),
        ("unknown", Outcome::Unknown(why())),
        ("still open", Outcome::StillOpen(why())),
        ("expired", Outcome::Expired),
        ("heartbeat", Outcome::Heartbeat),
    ]
}

fn look(definition: &Definition, now: u64, stored_wake: Option<u64>, served: bool) -> Input {
    let pools = definitions::pools(definition)
        .into_iter()
        .map(|pool| (pool, now));
    Input::Timer(Served {
        results_read_until: if served { now } else { 0 },
        drained_at: if served {
            pools.collect()
        } else {
            BTreeMap::new()
        },
        stored_wake,
    })
}

/// What the shipped booking is started with.
pub(crate) fn booking_input() -> serde_json::Value {
    json!({
        "event_id": "6f0f7f8e-0d0e-4a0b-9d0c-1f2e3d4c5b6a",
        "seats": ["A1", "A2"],
        "customer_email": "ana@example.org",
        "payment_token": "tok",
    })
}
