//! Folds one fact into a saga. Replay is this and nothing else.
//!
//! Total over every (state, event) that `decide` can produce; an event about a step that the definition does
//! not have is corrupt data and an error, never a panic. Nothing here waits, sends or asks what time it is.

use std::sync::Arc;

use serde_json::Value;

use super::state::STAMPS_MAX;
use super::{
    Event, Fan, Forward, Known, Left, Operation, Phase, Problem, Signal, State, StepState, Trace,
    Undoing, UnitIndex, Wait, Work,
};
use crate::Millis;
use crate::definition::Definition;

/// A fact that does not fit its saga: another definition's, or damaged.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfoldable {
    /// It is about a step that is none.
    #[error("definition {definition} has no step `{step}`")]
    NoStep {
        /// The saga's definition.
        definition: String,
        /// The step that it does not have.
        step: String,
    },
    /// The saga goes on under another version than the one that it is folded with.
    #[error("the saga goes on under version {to} of definition {definition}")]
    OtherVersion {
        /// The saga's definition.
        definition: String,
        /// Hash of the version.
        to: String,
    },
}

/// Folds `event` into `state`.
pub fn evolve(definition: &Definition, state: &mut State, event: &Event) -> Result<(), Unfoldable> {
    match event {
        Event::Started {
            at,
            input,
            traceparent,
            parent,
        } => {
            state.started_at = *at;
            state.input = Arc::clone(input);
            state.traceparent = traceparent.clone();
            state.parent = parent.clone();
            state.phase = Phase::Forward { turn: None };
        }
        Event::Found {
            at,
            input,
            items,
            effects,
            stamp,
            by: _,
            reason: _,
        } => {
            remember(state, Some(stamp));
            state.started_at = *at;
            state.input = Arc::clone(input);
            state.phase = Phase::Forward { turn: None };
            for (step, items) in items {
                let index = index_of(definition, state, step)?;
                fan_out(state, index, items);
            }
            for trace in effects {
                *step_of(definition, state, &trace.step)? = left(trace);
            }
        }
        Event::Skipped { step } => {
            let index = index_of(definition, state, step)?;
            state.steps[index].forward = Forward::Skipped;
            pivot_answered(definition, state, index);
        }
        Event::Waiting { step, at, until } => {
            step_of(definition, state, step)?.forward = Forward::Waiting {
                since: *at,
                until: *until,
            };
        }
        Event::FannedOut { step, items } => {
            let index = index_of(definition, state, step)?;
            fan_out(state, index, items);
        }
        Event::Signalled { key, name, payload } => {
            remember(state, Some(key));
            state.signals.push(Signal {
                key: key.clone(),
                name: name.clone(),
                payload: Arc::clone(payload),
            });
        }
        Event::SignalTaken { step, key } => {
            let index = index_of(definition, state, step)?;
            take_signal(state, index, key);
        }
        Event::Decided {
            step,
            approved,
            stamp,
            by,
            reason,
        } => {
            remember(state, Some(stamp));
            step_of(definition, state, step)?.forward = decided(*approved, by, reason);
        }
        Event::PassedOver { step } => step_of(definition, state, step)?.passed = true,
        Event::Blocked { step, problem } => {
            step_of(definition, state, step)?.forward = Forward::Blocked {
                problem: problem.clone(),
            };
        }
        Event::Dispatched {
            step,
            operation,
            attempt,
            at,
            until,
        } => {
            let wait = Wait::Answer {
                sent_at: *at,
                until: *until,
            };
            dispatched(
                step_of(definition, state, step)?,
                *operation,
                *attempt,
                *at,
                wait,
            );
        }
        Event::Postponed {
            step,
            operation,
            until,
        } => {
            if let Some(work) = work_of(step_of(definition, state, step)?, *operation)
                && let Wait::Answer { until: end, .. } = &mut work.wait
            {
                *end = *until;
            }
        }
        Event::RetryScheduled {
            step,
            operation,
            spent,
            doubtful,
            until,
            problem: _,
        } => {
            if let Some(work) = work_of(step_of(definition, state, step)?, *operation) {
                work.spent = *spent;
                work.doubtful = *doubtful;
                work.wait = Wait::Backoff { until: *until };
            }
        }
        Event::Succeeded { step, output } => {
            let index = index_of(definition, state, step)?;
            state.steps[index].forward = Forward::Succeeded {
                output: Arc::clone(output),
            };
            pivot_answered(definition, state, index);
        }
        Event::Closed { step, problem } => {
            let index = index_of(definition, state, step)?;
            state.steps[index].forward = Forward::Closed {
                problem: problem.clone(),
            };
        }
        Event::GaveUp {
            step,
            problem,
            known: Known::Failed | Known::Unknown,
        } => {
            step_of(definition, state, step)?.forward = Forward::GivenUp {
                problem: problem.clone(),
            };
        }
        Event::Parked {
            step,
            operation,
            problem,
        } => {
            if let Some(work) = work_of(step_of(definition, state, step)?, *operation) {
                work.wait = Wait::Operator {
                    problem: problem.clone(),
                };
            }
        }
        Event::Undone { step } => step_of(definition, state, step)?.undoing = Undoing::Done,
        Event::TurnRequested { cause, stamp } => {
            remember(state, stamp.as_deref());
            if let Phase::Forward { turn } = &mut state.phase {
                *turn = Some(cause.clone());
            }
        }
        Event::Turned { cause, stamp } => {
            remember(state, stamp.as_deref());
            state.phase = Phase::Compensating {
                cause: cause.clone(),
            };
        }
        Event::Retried {
            step,
            operation,
            generation,
            stamp,
            by: _,
            reason: _,
        } => {
            remember(state, Some(stamp));
            retried(step_of(definition, state, step)?, *operation, *generation);
        }
        Event::Quarantined { problem } => state.quarantine = Some(problem.clone()),
        Event::Released {
            stamp,
            by: _,
            reason: _,
        } => {
            remember(state, Some(stamp));
            state.quarantine = None;
        }
        Event::Migrated {
            from: _,
            to,
            steps,
            stamp,
            by: _,
            reason: _,
        } => {
            if definition.hash != *to {
                return Err(Unfoldable::OtherVersion {
                    definition: definition.name.clone(),
                    to: to.clone(),
                });
            }
            migrated(definition, state, steps)?;
            remember(state, Some(stamp));
        }
        Event::WakeMoved { until: _ } => {}
        Event::Completed { output, problem: _ } => {
            state.phase = Phase::Completed {
                output: Arc::clone(output),
            };
        }
        Event::Compensated {} => {
            if let Phase::Compensating { cause } = &state.phase {
                state.phase = Phase::Compensated {
                    cause: cause.clone(),
                };
            }
        }
    }
    Ok(())
}

/// A step that is skipped or succeeded as the pivot ends every wish to turn around: only forward from here.
fn pivot_answered(definition: &Definition, state: &mut State, index: UnitIndex) {
    if definition.pivot == Some(index)
        && let Phase::Forward { turn } = &mut state.phase
    {
        *turn = None;
    }
}

/// An attempt went out. The first one of an operation begins its count; a later one keeps what was spent.
fn dispatched(step: &mut StepState, operation: Operation, attempt: u32, at: Millis, wait: Wait) {
    if operation == Operation::Forward {
        step.attempts = step.attempts.max(attempt);
    }
    match operation {
        Operation::Forward | Operation::Reconcile => {
            if let Forward::Open {
                operation: now,
                work,
            } = &mut step.forward
                && *now == operation
            {
                again(work, attempt, at, wait);
            } else {
                let work = first(attempt, at, wait);
                step.forward = Forward::Open { operation, work };
            }
        }
        Operation::Compensate => {
            if let Undoing::Open(work) = &mut step.undoing {
                again(work, attempt, at, wait);
            } else {
                step.undoing = Undoing::Open(first(attempt, at, wait));
            }
        }
    }
}

fn first(attempt: u32, at: Millis, wait: Wait) -> Work {
    Work {
        attempt,
        since: Some(at),
        spent: 0,
        doubtful: false,
        wait,
    }
}

fn again(work: &mut Work, attempt: u32, at: Millis, wait: Wait) {
    work.attempt = attempt;
    work.since = work.since.or(Some(at));
    work.wait = wait;
}

/// The items of an `each` step become units of work behind those that are there.
fn fan_out(state: &mut State, step: UnitIndex, items: &Arc<Vec<Value>>) {
    state.steps[step].forward = Forward::FannedOut;
    state.fans.push(Fan {
        step,
        first: state.steps.len(),
        items: Arc::clone(items),
    });
    state
        .steps
        .extend(std::iter::repeat_n(StepState::fresh(), items.len()));
}

/// A unit of a saga that was lost: it was asked for once at least. What may still happen counts as given up: it is
/// unclosed, and nobody waits for an answer.
fn left(trace: &Trace) -> StepState {
    let forward = match &trace.left {
        Left::Happened { output } => Forward::Succeeded {
            output: Arc::clone(output),
        },
        Left::Open {} => Forward::GivenUp {
            problem: Problem::new("lost", "what became of it was lost"),
        },
        Left::Closed { code } => Forward::Closed {
            problem: Problem::new(code.as_str(), "the participant has closed it"),
        },
    };
    StepState {
        generation: trace.generation,
        attempts: 1,
        forward,
        ..StepState::fresh()
    }
}

fn take_signal(state: &mut State, index: UnitIndex, key: &str) {
    if let Some(at) = state.signals.iter().position(|signal| signal.key == key) {
        let signal = state.signals.remove(at);
        state.steps[index].forward = Forward::Succeeded {
            output: signal.payload,
        };
    }
}

/// Yes is the step's output; no closes it, for a decision has no effect that could still come.
fn decided(approved: bool, by: &str, reason: &str) -> Forward {
    if approved {
        let output = serde_json::json!({ "approved": true, "by": by, "reason": reason });
        return Forward::Succeeded {
            output: Arc::new(output),
        };
    }
    Forward::Closed {
        problem: Problem::new("denied", format!("{by} said no: {reason}")),
    }
}

/// Places mean other steps from here on: each step keeps its state by its id, new ones are fresh, and those that are
/// gone were never come to. What could not be made and asked nobody is made anew, as the new version says.
fn migrated(
    definition: &Definition,
    state: &mut State,
    steps: &[String],
) -> Result<(), Unfoldable> {
    let own = state.own_steps();
    let items = state.steps.split_off(own);
    let mut known: Vec<Option<StepState>> = state.steps.drain(..).map(Some).collect();
    let forward = matches!(state.phase, Phase::Forward { .. });
    for step in &definition.steps {
        let place = steps.iter().position(|id| *id == step.id);
        let mut kept = place
            .and_then(|place| known.get_mut(place)?.take())
            .unwrap_or_else(StepState::fresh);
        let blocked = matches!(kept.forward, Forward::Blocked { .. });
        if forward && blocked && !kept.passed && kept.attempts == 0 {
            kept.forward = Forward::Pending;
        }
        state.steps.push(kept);
    }
    for fan in &mut state.fans {
        let id = steps.get(fan.step).map_or("", String::as_str);
        fan.step = definition
            .step_index(id)
            .ok_or_else(|| no_step(definition, id))?;
        fan.first = fan.first - own + definition.steps.len();
    }
    state.steps.extend(items);
    Ok(())
}

/// An operator's retry: the budget is new; a closed effect begins anew under its next generation.
fn retried(step: &mut StepState, operation: Operation, generation: u32) {
    if generation != step.generation {
        *step = StepState {
            generation,
            ..StepState::fresh()
        };
        return;
    }
    match (&mut step.forward, &mut step.undoing, operation) {
        (_, Undoing::Open(work), Operation::Compensate) => fresh_budget(work),
        (Forward::Open { work, .. }, _, Operation::Forward | Operation::Reconcile) => {
            fresh_budget(work);
        }
        (Forward::Blocked { .. } | Forward::GivenUp { .. }, _, Operation::Forward) => {
            step.forward = Forward::Pending;
        }
        _ => {}
    }
}

fn fresh_budget(work: &mut Work) {
    work.spent = 0;
    work.since = None;
}

fn remember(state: &mut State, stamp: Option<&str>) {
    let Some(stamp) = stamp else { return };
    if state.stamps.iter().any(|known| known == stamp) {
        return;
    }
    if state.stamps.len() == STAMPS_MAX {
        state.stamps.remove(0);
    }
    state.stamps.push(stamp.to_owned());
}

fn index_of(definition: &Definition, state: &State, step: &str) -> Result<UnitIndex, Unfoldable> {
    state
        .unit(definition, step)
        .ok_or_else(|| no_step(definition, step))
}

fn no_step(definition: &Definition, step: &str) -> Unfoldable {
    Unfoldable::NoStep {
        definition: definition.name.clone(),
        step: step.to_owned(),
    }
}

fn step_of<'a>(
    definition: &Definition,
    state: &'a mut State,
    step: &str,
) -> Result<&'a mut StepState, Unfoldable> {
    let index = index_of(definition, state, step)?;
    Ok(&mut state.steps[index])
}

fn work_of(step: &mut StepState, operation: Operation) -> Option<&mut Work> {
    match operation {
        Operation::Compensate => match &mut step.undoing {
            Undoing::Open(work) => Some(work),
            Undoing::NotStarted | Undoing::Done => None,
        },
        Operation::Forward | Operation::Reconcile => match &mut step.forward {
            Forward::Open {
                operation: now,
                work,
            } if *now == operation => Some(work),
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Succeeded { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => None,
        },
    }
}

impl State {
    /// The output of a step as expressions see it: one that was skipped or passed over has null, an unfinished one
    /// none.
    pub fn output(&self, index: UnitIndex) -> Option<&Value> {
        match &self.steps[index].forward {
            Forward::Succeeded { output } => Some(output),
            Forward::Skipped => Some(&Value::Null),
            Forward::Blocked { .. } | Forward::Closed { .. } | Forward::GivenUp { .. }
                if self.steps[index].passed =>
            {
                Some(&Value::Null)
            }
            Forward::Pending
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => None,
        }
    }

    /// Why this step did not happen, when it is known.
    pub fn problem(&self, index: UnitIndex) -> Option<&Problem> {
        match &self.steps[index].forward {
            Forward::Closed { problem }
            | Forward::GivenUp { problem }
            | Forward::Blocked { problem } => Some(problem),
            Forward::Open { work, .. } => match &work.wait {
                Wait::Operator { problem } => Some(problem),
                Wait::Answer { .. } | Wait::Backoff { .. } => None,
            },
            Forward::Pending
            | Forward::Skipped
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Succeeded { .. } => None,
        }
    }
}
