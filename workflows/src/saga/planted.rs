//! The heart with one known fault, when one is planted (`crate::defect`).
//!
//! The shipped heart decides; the fault is made of it by asking it about something else (a definition without its
//! pivot, say) or by changing what it decided and letting it go on from there. So its code has no hooks.

use super::{
    Command, Decision, Dispatch, Event, Forward, Input, Moment, Operation, Outcome, Phase, Problem,
    Refusal, Served, State, StepResult, Undoing, Wait, Work, decide_well,
};
use crate::defect::{Defect, planted};
use crate::definition::{Definition, StepSet};

/// Decides, with the fault that is planted on this thread, if one is.
pub fn decide(
    definition: &Definition,
    state: &State,
    input: &Input,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let well = || decide_well(definition, state, input, moment);
    let on_its_way_back = matches!(state.phase, Phase::Compensating { .. });
    match planted() {
        None => well(),
        Some(Defect::InFlightNotUndone) => {
            let decision = well()?;
            let turned = |event: &Event| matches!(event, Event::Turned { .. });
            if !decision.events.iter().any(turned) {
                return Ok(decision);
            }
            let open = |forward: &Forward| matches!(forward, Forward::Open { .. });
            forgetting(definition, decision, moment, open)
        }
        Some(Defect::FailedCloses) => {
            let decision = well()?;
            let failed = |event: &Event| {
                matches!(
                    event,
                    Event::GaveUp {
                        known: super::Known::Failed,
                        ..
                    }
                )
            };
            if !decision.events.iter().any(failed) {
                return Ok(decision);
            }
            let given_up = |forward: &Forward| matches!(forward, Forward::GivenUp { .. });
            forgetting(definition, decision, moment, given_up)
        }
        Some(Defect::UndoTimeoutIsSuccess) => undo_timeout_is_success(definition, well()?, moment),
        Some(Defect::LateSuccessRevives) => match success(input) {
            Some(_) if on_its_way_back => revived(definition, state, input, moment),
            Some(_) | None => well(),
        },
        Some(Defect::UndoOrderIgnored) => {
            let free = edited(definition, |step| step.descendants = StepSet::EMPTY);
            decide_well(&free, state, input, moment)
        }
        Some(Defect::NeedsIgnored) => {
            let free = edited(definition, |step| step.needs = StepSet::EMPTY);
            decide_well(&free, state, input, moment)
        }
        Some(Defect::CancelIgnoresPivot) if state.past_pivot(definition) => {
            cancelled_without_pivot(definition, state, input, moment)
        }
        Some(Defect::CancelForestallsPivot) if state.pivot_is_open(definition) => {
            cancelled_without_pivot(definition, state, input, moment)
        }
        Some(Defect::ForwardOnTheWayBack) => match input {
            Input::Redispatch { .. } if on_its_way_back => {
                Ok(sent_forward(definition, state, well()?))
            }
            _ => well(),
        },
        Some(Defect::RefusedEndsUndo) => match result(definition, input) {
            Some((unit, news)) if on_its_way_back && news.outcome == Outcome::Refused => {
                ended_by_refusal(definition, state, unit, moment)
            }
            Some(_) | None => well(),
        },
        Some(Defect::RetryTakesNewKey) => match input {
            Input::Retry { .. } => new_keys(definition, state, well()?),
            _ => well(),
        },
        Some(Defect::PivotGivenUp) => Ok(pivot_given_up(definition, well()?)),
        Some(Defect::RejectionSkipped) => match result(definition, input) {
            Some((unit, news))
                if matches!(news.outcome, Outcome::Rejected(_)) && !on_its_way_back =>
            {
                skipped(definition, state, unit, moment)
            }
            Some(_) | None => well(),
        },
        Some(Defect::EndMoves) => match success(input) {
            Some(news) if matches!(state.phase, Phase::Compensated { .. }) => {
                Ok(undone_after_the_end(state, news))
            }
            Some(_) | None => well(),
        },
        Some(Defect::UndoneNotHeard) => match success(input) {
            Some(news) if news.operation == Operation::Compensate => {
                decide_well(definition, state, &Input::Redispatch { pool: None }, moment)
            }
            Some(_) | None => well(),
        },
        Some(Defect::SecondAnswerRefused) => match success(input) {
            Some(_) if !well()?.meaning.is_news() => Err(Refusal::NotStarted { command: "hear" }),
            Some(_) | None => well(),
        },
        Some(Defect::HeartbeatPanics) => match result(definition, input) {
            Some((_, news)) if on_its_way_back && news.outcome == Outcome::Heartbeat => {
                panic!("planted")
            }
            Some(_) | None => well(),
        },
        // Not past the pivot, not open; and those of participants.
        Some(
            Defect::CancelIgnoresPivot
            | Defect::CancelForestallsPivot
            | Defect::NoTombstone
            | Defect::RejectionForgotten
            | Defect::ActsTwice
            | Defect::UndoesTwice
            | Defect::DuplicateRejected
            | Defect::UndoAnsweredEarly,
        ) => well(),
    }
}

fn nothing_said() -> Problem {
    Problem::new("planted", "")
}

fn result<'i>(definition: &Definition, input: &'i Input) -> Option<(usize, &'i StepResult)> {
    match input {
        Input::Result(news) => Some((definition.step_index(&news.step)?, news)),
        _ => None,
    }
}

/// The answer, when it is a success.
fn success(input: &Input) -> Option<&StepResult> {
    match input {
        Input::Result(news) if matches!(news.outcome, Outcome::Succeeded(_)) => Some(news),
        _ => None,
    }
}

fn edited(definition: &Definition, edit: impl FnMut(&mut crate::definition::Step)) -> Definition {
    let mut definition = definition.clone();
    definition.steps.iter_mut().for_each(edit);
    definition
}

/// Lets the heart go on from a state that was changed: it looks, and finds what follows.
fn gone_on(
    definition: &Definition,
    mut decision: Decision,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let look = Input::Timer(Served::default());
    let more = decide_well(definition, &decision.next, &look, moment)?;
    decision.events.extend(more.events);
    decision.commands.extend(more.commands);
    decision.next = more.next;
    Ok(decision)
}

/// Takes the steps whose forward direction `is` such for ones that never had an effect.
fn forgetting(
    definition: &Definition,
    mut decision: Decision,
    moment: Moment,
    is: impl Fn(&Forward) -> bool,
) -> Result<Decision, Refusal> {
    for unit in 0..decision.next.steps.len() {
        let step = &mut decision.next.steps[unit];
        if is(&step.forward) {
            step.forward = Forward::Closed {
                problem: nothing_said(),
            };
            step.undoing = Undoing::NotStarted;
            decision.commands.retain(|command| match command {
                Command::Dispatch(task) => task.step != unit,
                Command::Report(_) => true,
            });
        }
    }
    gone_on(definition, decision, moment)
}

fn undo_timeout_is_success(
    definition: &Definition,
    mut decision: Decision,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let mut done = Vec::new();
    for event in &mut decision.events {
        if let Event::Parked {
            step,
            operation: Operation::Compensate,
            problem: _,
        } = event
        {
            done.extend(definition.step_index(step));
            *event = Event::Undone { step: step.clone() };
        }
    }
    if done.is_empty() {
        return Ok(decision);
    }
    for unit in done {
        decision.next.steps[unit].undoing = Undoing::Done;
    }
    gone_on(definition, decision, moment)
}

fn revived(
    definition: &Definition,
    state: &State,
    input: &Input,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let mut forward = state.clone();
    forward.phase = Phase::Forward { turn: None };
    let decision = decide_well(definition, &forward, input, moment)?;
    if decision.meaning.is_news() {
        Ok(decision)
    } else {
        decide_well(definition, state, input, moment)
    }
}

fn cancelled_without_pivot(
    definition: &Definition,
    state: &State,
    input: &Input,
    moment: Moment,
) -> Result<Decision, Refusal> {
    match input {
        Input::Cancel(_) => {
            let mut blind = definition.clone();
            blind.pivot = None;
            decide_well(&blind, state, input, moment)
        }
        _ => decide_well(definition, state, input, moment),
    }
}

fn sent_forward(definition: &Definition, state: &State, mut decision: Decision) -> Decision {
    let again = (0..state.steps.len()).filter(|unit| state.steps[*unit].is_unclosed());
    for unit in again {
        decision.commands.push(Command::Dispatch(task(
            definition,
            state,
            unit,
            Operation::Forward,
        )));
    }
    decision
}

fn task(definition: &Definition, state: &State, unit: usize, operation: Operation) -> Dispatch {
    let step = &definition.steps[unit];
    let (pool, task) = match step.task() {
        Some(name) => (name.pool.clone(), name.task.clone()),
        None => (String::new(), String::new()),
    };
    Dispatch {
        step: unit,
        unit: step.id.clone(),
        operation,
        pool,
        task,
        generation: state.steps[unit].generation,
        attempt: 1,
        not_after: 0,
        timeout_ms: 0,
        heartbeat_ms: None,
        input: serde_json::Value::Null,
    }
}

fn ended_by_refusal(
    definition: &Definition,
    state: &State,
    unit: usize,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let mut closed = state.clone();
    closed.steps[unit].forward = Forward::Closed {
        problem: nothing_said(),
    };
    let look = Input::Timer(Served::default());
    decide_well(definition, &closed, &look, moment)
}

fn new_keys(
    definition: &Definition,
    state: &State,
    mut decision: Decision,
) -> Result<Decision, Refusal> {
    for (unit, operation, _) in state.parked(definition) {
        match operation {
            Operation::Forward | Operation::Reconcile => {
                decision.next.steps[unit].generation = state.steps[unit].generation + 1;
            }
            Operation::Compensate => {}
        }
    }
    Ok(decision)
}

fn pivot_given_up(definition: &Definition, mut decision: Decision) -> Decision {
    let Some(pivot) = definition.pivot else {
        return decision;
    };
    let asks = |command: &Command| {
        matches!(command, Command::Dispatch(task)
            if task.step == pivot && task.operation == Operation::Reconcile)
    };
    if decision.commands.iter().any(asks) {
        decision.commands.retain(|command| !asks(command));
        decision.next.steps[pivot].forward = Forward::GivenUp {
            problem: nothing_said(),
        };
    }
    decision
}

fn skipped(
    definition: &Definition,
    state: &State,
    unit: usize,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let mut passed = state.clone();
    passed.steps[unit].forward = Forward::Skipped;
    let look = Input::Timer(Served::default());
    decide_well(definition, &passed, &look, moment)
}

fn undone_after_the_end(state: &State, news: &StepResult) -> Decision {
    let mut next = state.clone();
    if let Some(step) = next.steps.first_mut() {
        step.undoing = Undoing::Open(Work {
            attempt: 1,
            since: None,
            spent: 0,
            doubtful: false,
            wait: Wait::Operator {
                problem: nothing_said(),
            },
        });
    }
    Decision {
        events: vec![Event::Undone {
            step: news.step.clone(),
        }],
        commands: Vec::new(),
        next,
        meaning: super::Meaning::News,
    }
}
