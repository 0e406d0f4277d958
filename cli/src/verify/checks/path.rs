//! The path: each fact may stand where it stands, and an end leaves nothing open.
//!
//! Said here a second time, in other words than the heart's: what `decide` itself gets wrong, `decided` cannot see.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Event, Operation, Phase, State, evolve};

use super::Check;
use crate::verify::case::{Case, Findings, unit};
use crate::verify::rule::Rule;
use crate::verify::table::Table;
use crate::verify::world::Saga;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Saga, Table::Journal, Table::Definition],
    rules: &[
        Rule::EndStays,
        Rule::EndIsComplete,
        Rule::AnswersWereAskedFor,
        Rule::NoForwardAfterTurn,
        Rule::UndoAfterTurn,
        Rule::UndoWhatWasAskedFor,
        Rule::UndoInReverseOrder,
        Rule::OrderOfGraph,
        Rule::NoWayBackPastPivot,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    for (id, saga, definition) in case.readable_from_the_start() {
        legal_path(case, definition, id, saga, found);
    }
}

fn legal_path<'a>(
    case: &Case<'a>,
    mut definition: &'a Definition,
    id: &str,
    saga: &Saga,
    found: &mut Findings,
) {
    let mut state = State::unborn(id, definition);
    for entry in &saga.journal {
        for event in &entry.body.events {
            for (rule, what) in illegal(definition, &state, event) {
                found.report(rule, Some(id), format!("row {}: {what}", entry.seq));
            }
            definition = case.goes_on_under(event).unwrap_or(definition);
            if evolve(definition, &mut state, event).is_err() {
                return; // Told by `stored`.
            }
        }
    }
    for (index, step) in definition.steps.iter().enumerate() {
        let what = match state.phase {
            Phase::Completed { .. } if !state.steps[index].is_done() => "completed without",
            Phase::Compensated { .. } if state.owes_undo(definition, index) => {
                "compensated without undoing"
            }
            Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. }
            | Phase::Completed { .. }
            | Phase::Compensated { .. } => continue,
        };
        found.report(
            Rule::EndIsComplete,
            Some(id),
            format!("{what} `{}`", step.id),
        );
    }
}

/// What speaks against `event` in this state.
fn illegal(definition: &Definition, state: &State, event: &Event) -> Vec<(Rule, String)> {
    let mut against = Vec::new();
    let ended = matches!(
        state.phase,
        Phase::Completed { .. } | Phase::Compensated { .. }
    );
    let started = !matches!(state.phase, Phase::New);
    let begins = matches!(event, Event::Started { .. } | Event::Found { .. });
    if ended || started == begins {
        against.push((Rule::EndStays, format!("{event:?} in {:?}", state.phase)));
    }
    if let Event::Dispatched {
        step, operation, ..
    } = event
    {
        match operation {
            Operation::Forward | Operation::Reconcile => {
                forward(definition, state, step, *operation, &mut against);
            }
            Operation::Compensate => undo(definition, state, step, &mut against),
        }
    }
    if let Event::Succeeded { step, .. } | Event::Closed { step, .. } = event {
        let index = unit(definition, state, step);
        if index.is_none_or(|index| state.steps[index].attempts == 0) {
            let what = format!("`{step}` was never dispatched");
            against.push((Rule::AnswersWereAskedFor, what));
        }
    }
    if matches!(event, Event::Turned { .. }) {
        let rule = Rule::NoWayBackPastPivot;
        if state.past_pivot(definition) {
            against.push((rule, "turned past the pivot".to_owned()));
        } else if state.pivot_is_open(definition) {
            against.push((rule, "turned with the pivot out".to_owned()));
        }
    }
    against
}

fn forward(
    definition: &Definition,
    state: &State,
    step: &str,
    operation: Operation,
    against: &mut Vec<(Rule, String)>,
) {
    if !matches!(state.phase, Phase::Forward { .. }) {
        let what = format!("{} of `{step}` after the turn", operation.as_str());
        against.push((Rule::NoForwardAfterTurn, what));
    }
    let Some(index) = spec(definition, step) else {
        return;
    };
    let needs = definition.steps[index].needs;
    for need in needs.iter().filter(|need| !state.steps[*need].is_done()) {
        let what = format!("`{step}` before `{}`", definition.steps[need].id);
        against.push((Rule::OrderOfGraph, what));
    }
}

fn undo(definition: &Definition, state: &State, step: &str, against: &mut Vec<(Rule, String)>) {
    if !matches!(state.phase, Phase::Compensating { .. }) {
        let what = format!("undo of `{step}` before the turn");
        against.push((Rule::UndoAfterTurn, what));
    }
    let owed = unit(definition, state, step).is_some_and(|index| state.steps[index].is_unclosed());
    if !owed {
        let what = format!("`{step}` is closed or never ran");
        against.push((Rule::UndoWhatWasAskedFor, what));
    }
    let Some(index) = spec(definition, step) else {
        return;
    };
    let descendants = definition.steps[index].descendants;
    for later in descendants
        .iter()
        .filter(|later| state.owes_undo(definition, *later))
    {
        let what = format!("undo of `{step}` before `{}`", definition.steps[later].id);
        against.push((Rule::UndoInReverseOrder, what));
    }
}

/// The step of the definition; a unit of a fan-out is named `step:item`.
fn spec(definition: &Definition, step: &str) -> Option<usize> {
    let id = step.split(':').next().unwrap_or(step);
    definition.step_index(id)
}
