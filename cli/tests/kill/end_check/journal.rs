//! The journal: without a gap, a legal path, and its fold is what is stored.

use impresario_workflows::saga::{Event, Operation, Phase, State, evolve};

use super::{Case, Violation, report};
use crate::dump::{Dump, Saga};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for (id, saga) in &case.dump.sagas {
        if saga.definition_hash != case.dump.definition.hash {
            report(
                found,
                "pinned definition",
                Some(id),
                saga.definition_hash.clone(),
            );
        }
        gapless(id, saga, found);
        stored_is_folded(case, id, saga, found);
        legal_path(case.dump, id, saga, found);
    }
}

/// (dispatches beyond the first of their work, reconciled steps, cancelled sagas)
pub(super) fn repetitions(case: &Case<'_>) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    let rows = case.dump.sagas.values().flat_map(|saga| &saga.journal);
    for event in rows.flat_map(|row| &row.events) {
        match event {
            Event::Dispatched {
                attempt, operation, ..
            } => {
                counts.0 += usize::from(*attempt > 1);
                counts.1 += usize::from(*attempt == 1 && *operation == Operation::Reconcile);
            }
            Event::Turned { stamp: Some(_), .. } => counts.2 += 1,
            _ => {}
        }
    }
    counts
}

fn gapless(id: &str, saga: &Saga, found: &mut Vec<Violation>) {
    let seqs: Vec<i32> = saga.journal.iter().map(|row| row.seq).collect();
    let whole = (1..).take(seqs.len()).eq(seqs.iter().copied());
    if !whole || seqs.is_empty() {
        report(found, "journal gapless", Some(id), format!("{seqs:?}"));
    }
    let nonces: std::collections::HashSet<&str> =
        saga.journal.iter().map(|row| row.nonce.as_str()).collect();
    if nonces.len() != saga.journal.len() {
        report(
            found,
            "one row a commit",
            Some(id),
            "two rows of one commit",
        );
    }
}

fn stored_is_folded(case: &Case<'_>, id: &str, saga: &Saga, found: &mut Vec<Violation>) {
    let state = match &case.folded[id] {
        Ok(state) => state,
        Err(why) => return report(found, "stored is folded", Some(id), why.clone()),
    };
    let status = state.status(&case.dump.definition);
    if status.as_str() != saga.status || status.is_final() != saga.ended {
        let what = format!(
            "stored {} (ended: {}), folded {}",
            saga.status,
            saga.ended,
            status.as_str()
        );
        report(found, "stored is folded", Some(id), what);
    }
}

fn legal_path(dump: &Dump, id: &str, saga: &Saga, found: &mut Vec<Violation>) {
    let mut state = State::unborn(id, &dump.definition);
    for row in &saga.journal {
        for event in &row.events {
            for (rule, what) in illegal(dump, &state, event) {
                let what = format!("row {}: {what}", row.seq);
                report(found, rule, Some(id), what);
            }
            if evolve(&dump.definition, &mut state, event).is_err() {
                return; // Told by `stored_is_folded`.
            }
        }
    }
    for (index, step) in dump.definition.steps.iter().enumerate() {
        let what = match state.phase {
            Phase::Completed { .. } if !state.steps[index].is_done() => "completed without",
            Phase::Compensated { .. } if state.owes_undo(&dump.definition, index) => {
                "compensated without undoing"
            }
            _ => continue,
        };
        report(
            found,
            "an end is complete",
            Some(id),
            format!("{what} `{}`", step.id),
        );
    }
}

/// What speaks against `event` in this state.
fn illegal(dump: &Dump, state: &State, event: &Event) -> Vec<(&'static str, String)> {
    let mut against = Vec::new();
    let ended = matches!(
        state.phase,
        Phase::Completed { .. } | Phase::Compensated { .. }
    );
    let started = !matches!(state.phase, Phase::New);
    if ended || started == matches!(event, Event::Started { .. }) {
        against.push(("an end stays", format!("{event:?} in {:?}", state.phase)));
    }
    match event {
        Event::Dispatched {
            step, operation, ..
        } => {
            dispatched(dump, state, step, *operation, &mut against);
        }
        Event::Succeeded { step, .. } | Event::Closed { step, .. } => {
            let index = dump.definition.step_index(step);
            if index.is_none_or(|index| state.steps[index].attempts == 0) {
                against.push((
                    "answers were asked for",
                    format!("`{step}` was never dispatched"),
                ));
            }
        }
        Event::Turned { .. } if state.past_pivot(&dump.definition) => {
            against.push((
                "no way back past the pivot",
                "turned past the pivot".to_owned(),
            ));
        }
        Event::Turned { .. } if state.pivot_is_open(&dump.definition) => {
            against.push((
                "no way back past the pivot",
                "turned with the pivot out".to_owned(),
            ));
        }
        _ => {}
    }
    against
}

fn dispatched(
    dump: &Dump,
    state: &State,
    step: &str,
    operation: Operation,
    against: &mut Vec<(&'static str, String)>,
) {
    let Some(index) = dump.definition.step_index(step) else {
        return;
    };
    let spec = &dump.definition.steps[index];
    if operation != Operation::Compensate {
        if !matches!(state.phase, Phase::Forward { .. }) {
            let what = format!("{} of `{step}` after the turn", operation.as_str());
            against.push(("no forward after the turn", what));
        }
        for need in spec
            .needs
            .iter()
            .filter(|need| !state.steps[*need].is_done())
        {
            let what = format!("`{step}` before `{}`", dump.definition.steps[need].id);
            against.push(("order of the graph", what));
        }
        return;
    }
    if !matches!(state.phase, Phase::Compensating { .. }) {
        against.push((
            "undo after the turn",
            format!("undo of `{step}` before the turn"),
        ));
    }
    if !state.steps[index].is_unclosed() {
        against.push((
            "undo what was asked for",
            format!("`{step}` is closed or never ran"),
        ));
    }
    for later in spec
        .descendants
        .iter()
        .filter(|d| state.owes_undo(&dump.definition, *d))
    {
        let what = format!(
            "undo of `{step}` before `{}`",
            dump.definition.steps[later].id
        );
        against.push(("undo in reverse order", what));
    }
}
