//! `each`: one step done once for each item of a list.
//!
//! The list is made once, when the step starts, and kept with its fact; its items are units of work of their own, with
//! their own effect keys, attempts and undoing. The step itself only counts: it starts as many as may run side by side,
//! and succeeds when all of them are done.

use std::sync::Arc;

use serde_json::Value;

use super::advance::{blocked, send_first};
use super::{Draft, Refusal};
use crate::definition::{Each, ITEMS_MAX, StepIndex};
use crate::saga::{Event, Forward, Phase, Problem, UnitIndex};

/// Makes the list and the units.
pub(super) fn out(draft: &mut Draft<'_>, index: UnitIndex, each: &Each) -> Result<(), Refusal> {
    let items = match draft.evaluate(&each.list).and_then(listed) {
        Ok(items) => items,
        Err(problem) => return blocked(draft, index, problem),
    };
    draft.emit(Event::FannedOut {
        step: draft.step_id(index),
        items: Arc::new(items),
    })
}

fn listed(value: Value) -> Result<Vec<Value>, Problem> {
    match value {
        Value::Array(items) if items.len() <= ITEMS_MAX => Ok(items),
        Value::Array(items) => Err(Problem::new(
            "too_many_items",
            format!(
                "`each` over {} items; at most {ITEMS_MAX} are allowed",
                items.len()
            ),
        )),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(Problem::new("unmappable", "`each` needs a list"))
        }
    }
}

/// Starts what may be started, and gathers what is done; whether anything moved.
pub(super) fn go_on(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    let open: Vec<StepIndex> = draft
        .state
        .set_of(|step| step.forward == Forward::FannedOut)
        .iter()
        .collect();
    let mut moved = false;
    for step in open {
        moved |= start_items(draft, step)? || gather(draft, step)?;
    }
    Ok(moved)
}

fn start_items(draft: &mut Draft<'_>, step: StepIndex) -> Result<bool, Refusal> {
    let Some(each) = &draft.definition.steps[step].each else {
        return Ok(false);
    };
    let units = draft.state.units_of(step);
    let under_way = draft.state.steps[units.clone()]
        .iter()
        .filter(|unit| matches!(unit.forward, Forward::Open { .. }))
        .count();
    let free = (each.max_parallel as usize).saturating_sub(under_way);
    let next: Vec<UnitIndex> = units
        .filter(|&unit| draft.state.steps[unit].forward == Forward::Pending)
        .take(free)
        .collect();
    let mut moved = false;
    for unit in next {
        // An earlier one of this round may have turned the saga around.
        if draft.state.phase != (Phase::Forward { turn: None }) {
            break;
        }
        send_first(draft, unit)?;
        moved = true;
    }
    Ok(moved)
}

/// The step's output is the list of its items' outputs, null where one failed and that was passed over.
fn gather(draft: &mut Draft<'_>, step: StepIndex) -> Result<bool, Refusal> {
    let units = draft.state.units_of(step);
    let going_on = draft.state.phase == Phase::Forward { turn: None };
    if !going_on
        || !draft.state.steps[units.clone()]
            .iter()
            .all(|unit| unit.is_done())
    {
        return Ok(false);
    }
    let outputs = units
        .map(|unit| draft.state.output(unit).cloned().unwrap_or(Value::Null))
        .collect();
    draft.emit(Event::Succeeded {
        step: draft.step_id(step),
        output: Arc::new(Value::Array(outputs)),
    })?;
    Ok(true)
}
