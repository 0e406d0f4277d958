//! The participants' effect log: how each effect came to be what it is.
//!
//! Written by triggers in the participants' own transactions (`witness.sql`), so neither the engine nor the SDK has a
//! say in it. What is closed stays closed, however late a task comes; nothing is undone twice.

use std::collections::BTreeMap;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rows::EffectRow;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Effect, Table::Barrier, Table::Saga],
    rules: &[
        Rule::ClosedStaysClosed,
        Rule::EffectLogAgrees,
        Rule::NoPhantom,
    ],
    run: check,
};

/// The participant whose effects are at somebody else's.
const INTENDS_FIRST: &str = "payment";

/// From where an effect's row may go where: the arrows of the SDK's barrier, said by the checker itself.
fn may_follow(row: &EffectRow) -> bool {
    match (row.was.as_deref(), row.now.as_deref()) {
        (None, Some("intent" | "tombstone" | "rejected")) => true,
        // Effects in the participant's own schema are done with the row; only somebody else's are intended first.
        (None, Some("succeeded")) => row.pool != INTENDS_FIRST,
        (Some("intent"), Some("succeeded" | "rejected" | "closing" | "tombstone")) => true,
        // An attempt that claims no effect leaves no trace.
        (Some("intent"), None) => true,
        (Some("succeeded"), Some("undoing" | "compensated")) => true,
        (Some("closing"), Some("tombstone" | "undoing")) => true,
        (Some("undoing"), Some("compensated")) => true,
        _ => false,
    }
}

fn check(case: &Case<'_>, found: &mut Findings) {
    let mut by_effect: BTreeMap<&str, Vec<&EffectRow>> = BTreeMap::new();
    for row in &case.world.effects {
        by_effect.entry(&row.effect).or_default().push(row);
    }
    for (effect, rows) in &by_effect {
        let saga = rows.first().map(|row| row.saga.as_str());
        let is_known = saga.is_none_or(|saga| case.world.sagas.contains_key(saga));
        if !is_known && !case.is_lost(effect) {
            found.report(
                Rule::NoPhantom,
                None,
                format!("an effect {effect} in the log"),
            );
        }
        let mut state: Option<&str> = None;
        for row in rows {
            let (was, now) = (row.was.as_deref(), row.now.as_deref());
            if was != state || !may_follow(row) {
                let what = format!("{effect} was {state:?} and went from {was:?} to {now:?}");
                found.report(Rule::ClosedStaysClosed, saga, what);
            }
            state = now;
        }
        let stored = case
            .world
            .barriers
            .get(*effect)
            .map(|row| row.state.as_str());
        if state != stored {
            let what = format!("{effect} ended as {state:?} in the log and is {stored:?}");
            found.report(Rule::EffectLogAgrees, saga, what);
        }
    }
    for row in case.world.barriers.values() {
        if !by_effect.contains_key(row.effect.as_str()) {
            let what = format!("{} is {} and not in the log", row.effect, row.state);
            found.report(Rule::EffectLogAgrees, Some(&row.saga), what);
        }
    }
}
