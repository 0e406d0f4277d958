//! The participants' own memory against the journal: no success is invented, no effect is forgotten.

use std::collections::HashMap;

use impresario_workflows::definition::{Step, Undo};
use impresario_workflows::saga::Event;

use super::Check;
use crate::verify::case::{Case, Findings, part};
use crate::verify::rows::BarrierRow;
use crate::verify::rule::Rule;
use crate::verify::table::Table;
use crate::verify::world::Saga;

pub(super) const CHECK: Check = Check {
    needs: &[
        Table::Saga,
        Table::Journal,
        Table::Definition,
        Table::Barrier,
    ],
    rules: &[
        Rule::NoSuccessInvented,
        Rule::EffectsWereAskedFor,
        Rule::EffectsFitEnd,
        Rule::NoPhantom,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    for (id, saga) in &case.world.sagas {
        successes(case, id, saga, found);
    }
    for row in case.world.barriers.values() {
        match case.world.sagas.get(&row.saga) {
            Some(saga) => effect(case, row, saga, found),
            None if case.is_lost(&row.effect) && row.state == "compensated" => {}
            None => found.report(Rule::NoPhantom, None, format!("effect {}", row.effect)),
        }
    }
}

/// Every success in the journal is one at the participant, with the same output.
fn successes(case: &Case<'_>, id: &str, saga: &Saga, found: &mut Findings) {
    let part = part(id);
    let mut generations: HashMap<&str, u32> = HashMap::new();
    for event in saga.events() {
        if let Event::Retried {
            step, generation, ..
        } = event
        {
            generations.insert(step, *generation);
        }
        // A success that no task was sent for is a wait's or a fan-out's: no participant knows of it.
        let Event::Succeeded { step, output } = event else {
            continue;
        };
        if !was_dispatched(saga, step) {
            continue;
        }
        let generation = generations.get(step.as_str()).copied().unwrap_or(1);
        let effect = format!("{part}/{step}/forward/{generation}");
        let row = case.world.barriers.get(&effect);
        let same = row.is_some_and(|row| {
            matches!(row.state.as_str(), "succeeded" | "compensated")
                && row.outcome.as_ref() == Some(output.as_ref())
        });
        if !same {
            let row = row.map(|row| (&row.state, &row.outcome));
            let what = format!("{effect} succeeded with {output}, barrier {row:?}");
            found.report(Rule::NoSuccessInvented, Some(id), what);
        }
    }
}

fn was_dispatched(saga: &Saga, step: &str) -> bool {
    saga.events()
        .any(|event| matches!(event, Event::Dispatched { step: sent, .. } if sent == step))
}

/// What a participant remembers was asked for, and fits the end.
fn effect(case: &Case<'_>, row: &BarrierRow, saga: &Saga, found: &mut Findings) {
    let Some(definition) = case.definition(saga) else {
        return;
    };
    let step = row.effect.split('/').nth(1).unwrap_or_default();
    let id = step.split(':').next().unwrap_or(step);
    let Some(index) = definition.step_index(id) else {
        return found.report(Rule::NoPhantom, Some(&row.saga), row.effect.clone());
    };
    // What was asked for in the time that a restore has lost is in no journal.
    let was_lost = case.world.restored.contains(&row.effect);
    if !was_dispatched(saga, step) && !was_lost {
        let what = format!("{} is {} and was never dispatched", row.effect, row.state);
        found.report(Rule::EffectsWereAskedFor, Some(&row.saga), what);
    }
    if !tasks(&definition.steps[index]).contains(&row.task.as_str()) {
        let what = format!("{} was asked for by `{}`", row.effect, row.task);
        found.report(Rule::EffectsWereAskedFor, Some(&row.saga), what);
    }
    let fits = match (saga.row.status.as_str(), row.state.as_str()) {
        ("completed", state) => state == "succeeded" || is_older(case, row),
        ("compensated", "rejected" | "tombstone" | "compensated") => true,
        // A step whose undoing is somebody else's: the pinned hold is released with the hold.
        ("compensated", "succeeded") => {
            matches!(
                definition.steps[index].undo,
                Undo::Nothing { .. } | Undo::Readonly
            )
        }
        ("compensated", _) => false,
        _ => true,
    };
    if !fits {
        let what = format!("{} with {} {}", saga.row.status, row.effect, row.state);
        found.report(Rule::EffectsFitEnd, Some(&row.saga), what);
    }
}

/// Every task that may come first under a step's key: the step's own, its undoing, its question.
fn tasks(step: &Step) -> Vec<&str> {
    let undo = match &step.undo {
        Undo::Compensate(undo) => Some(undo.task.task.as_str()),
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
    };
    let ask = step.reconcile.as_ref().map(|ask| ask.task.task.as_str());
    [step.task().map(|task| task.task.as_str()), undo, ask]
        .into_iter()
        .flatten()
        .collect()
}

/// An effect that was rejected and asked for again under the next generation.
fn is_older(case: &Case<'_>, row: &BarrierRow) -> bool {
    let Some((unit, generation)) = row.effect.rsplit_once('/') else {
        return false;
    };
    let next = generation.parse::<u32>().unwrap_or_default() + 1;
    matches!(row.state.as_str(), "rejected" | "tombstone")
        && case.world.barriers.contains_key(&format!("{unit}/{next}"))
}
