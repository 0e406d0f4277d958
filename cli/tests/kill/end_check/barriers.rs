//! The participants' own memory against the journal: no success is invented, no effect is forgotten.

use impresario_workflows::definition::Undo;
use impresario_workflows::saga::Event;

use super::{Case, Violation, part, report};
use crate::dump::{Barrier, Saga};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for (id, saga) in &case.dump.sagas {
        successes(case, id, saga, found);
    }
    for row in case.dump.barriers.values() {
        match case.dump.sagas.get(&row.saga) {
            Some(saga) => effect(case, row, saga, found),
            None => report(found, "no phantom", None, format!("effect {}", row.effect)),
        }
    }
}

/// Every success in the journal is one at the participant, with the same output.
fn successes(case: &Case<'_>, id: &str, saga: &Saga, found: &mut Vec<Violation>) {
    let part = part(id);
    let mut generations = std::collections::HashMap::new();
    for event in saga.journal.iter().flat_map(|row| &row.events) {
        match event {
            Event::Retried {
                step, generation, ..
            } => {
                generations.insert(step, *generation);
            }
            Event::Succeeded { step, output } => {
                let generation = generations.get(step).copied().unwrap_or(1);
                let effect = format!("{part}/{step}/forward/{generation}");
                let row = case.dump.barriers.get(&effect);
                let same = row.is_some_and(|row| {
                    matches!(row.state.as_str(), "succeeded" | "compensated")
                        && row.outcome.as_ref() == Some(output.as_ref())
                });
                if !same {
                    let row = row.map(|row| (&row.state, &row.outcome));
                    let what = format!("{effect} succeeded with {output}, barrier {row:?}");
                    report(found, "no success is invented", Some(id), what);
                }
            }
            _ => {}
        }
    }
}

/// What a participant remembers was asked for, and fits the end.
fn effect(case: &Case<'_>, row: &Barrier, saga: &Saga, found: &mut Vec<Violation>) {
    let step = row.effect.split('/').nth(1).unwrap_or_default();
    let Some(index) = case.dump.definition.step_index(step) else {
        return report(found, "no phantom", Some(&row.saga), row.effect.clone());
    };
    let asked = saga
        .journal
        .iter()
        .flat_map(|row| &row.events)
        .any(|event| matches!(event, Event::Dispatched { step: sent, .. } if sent == step));
    if !asked {
        let what = format!("{} is {} and was never dispatched", row.effect, row.state);
        report(found, "effects were asked for", Some(&row.saga), what);
    }
    let fits = match (saga.status.as_str(), row.state.as_str()) {
        ("completed", state) => state == "succeeded",
        ("compensated", "rejected" | "tombstone" | "compensated") => true,
        // A step whose undoing is somebody else's: the pinned hold is released with the hold.
        ("compensated", "succeeded") => {
            matches!(case.dump.definition.steps[index].undo, Undo::Nothing { .. })
        }
        ("compensated", _) => false,
        _ => true,
    };
    if !fits {
        let what = format!("{} with {} {}", saga.status, row.effect, row.state);
        report(found, "effects fit the end", Some(&row.saga), what);
    }
}
