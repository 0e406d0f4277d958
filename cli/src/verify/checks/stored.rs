//! What is stored beside the journal is what the journal says; and no saga is left without anything that moves it.

use impresario_workflows::Definition;
use impresario_workflows::saga::State;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rows::SagaRow;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Saga, Table::Journal, Table::Definition],
    rules: &[
        Rule::StoredIsFolded,
        Rule::EverySagaEnds,
        Rule::StuckHasReason,
        Rule::NoSilentOrphan,
        Rule::EndedSleep,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    for (id, saga) in &case.world.sagas {
        match (&case.folded[id.as_str()], case.definition(saga)) {
            (Ok(state), Some(definition)) => {
                for what in differences(&saga.row, definition, state) {
                    found.report(Rule::StoredIsFolded, Some(id), what);
                }
                stands(id, &saga.row, definition, state, found);
            }
            (Ok(_), None) => {}
            (Err(why), _) => found.report(Rule::StoredIsFolded, Some(id), why.clone()),
        }
    }
}

/// Each column of the row that the journal determines.
fn differences(row: &SagaRow, definition: &Definition, state: &State) -> Vec<String> {
    let mut differ = Vec::new();
    let status = state.status(definition);
    if status.as_str() != row.status || status.is_final() != row.ended_at_us.is_some() {
        let ended = row.ended_at_us.is_some();
        let folded = status.as_str();
        differ.push(format!(
            "stored {} (ended: {ended}), folded {folded}",
            row.status
        ));
    }
    if millis(row.started_at_us) != Some(state.started_at) {
        differ.push(format!(
            "stored start {}, folded {}",
            row.started_at_us, state.started_at
        ));
    }
    // Too early a look is allowed (it is cheaper than a write a step), too late a one is a lost timer.
    let needed = state.next_wake(definition);
    let stored = row.wake_at_us.and_then(millis);
    let in_time = match (stored, needed) {
        (Some(stored), Some(needed)) => stored <= needed,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !in_time {
        differ.push(format!("stored wake-up {stored:?}, needed {needed:?}"));
    }
    let described = state.describe(definition);
    if described.key != row.business_key {
        differ.push(format!(
            "stored key {:?}, folded {:?}",
            row.business_key, described.key
        ));
    }
    let attributes = row
        .attributes
        .as_ref()
        .and_then(|stored| stored.as_object());
    if attributes.is_some_and(|stored| *stored != described.attributes)
        || attributes.is_none() != described.attributes.is_empty()
    {
        differ.push(format!(
            "stored {attributes:?}, folded {:?}",
            described.attributes
        ));
    }
    differ
}

/// At rest every saga has ended or stands before a human with a reason; whatever is open, something wakes it.
fn stands(id: &str, row: &SagaRow, definition: &Definition, state: &State, found: &mut Findings) {
    let status = state.status(definition);
    if status.is_final() {
        if row.wake_at_us.is_some() {
            found.report(
                Rule::EndedSleep,
                Some(id),
                "it has ended and is still woken",
            );
        }
        return;
    }
    if row.status != "stuck" {
        found.report(
            Rule::EverySagaEnds,
            Some(id),
            format!("it is {}", row.status),
        );
        if row.wake_at_us.is_none() {
            found.report(
                Rule::NoSilentOrphan,
                Some(id),
                "it is open, and nothing wakes it",
            );
        }
    } else if state.quarantine.is_none() && state.parked(definition).next().is_none() {
        found.report(
            Rule::StuckHasReason,
            Some(id),
            "nothing is parked or set aside",
        );
    }
}

fn millis(micros: i64) -> Option<u64> {
    u64::try_from(micros / 1000).ok()
}
