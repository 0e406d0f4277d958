//! The journal's shape: numbered without a gap, one row a commit, under a definition that is what its hash says.

use std::collections::HashSet;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rule::Rule;
use crate::verify::table::Table;
use crate::verify::world::Saga;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Saga, Table::Journal, Table::Definition],
    rules: &[
        Rule::JournalGapless,
        Rule::OneRowACommit,
        Rule::PinnedDefinition,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    for (hash, definition) in &case.world.definitions {
        match definition {
            Ok(definition) if definition.hash == *hash => {}
            Ok(other) => {
                let what = format!(
                    "{} is stored under {hash} and is {}",
                    other.name, other.hash
                );
                found.report(Rule::PinnedDefinition, None, what);
            }
            Err(why) => {
                let what = format!("{hash} cannot be read: {why}");
                found.report(Rule::PinnedDefinition, None, what);
            }
        }
    }
    for (id, saga) in &case.world.sagas {
        if !case.world.definitions.contains_key(&saga.row.definition) {
            let what = format!("{} is not stored", saga.row.definition);
            found.report(Rule::PinnedDefinition, Some(id), what);
        }
        gapless(id, saga, found);
    }
}

fn gapless(id: &str, saga: &Saga, found: &mut Findings) {
    let seqs: Vec<i32> = saga.journal.iter().map(|entry| entry.seq).collect();
    let whole = (1..).take(seqs.len()).eq(seqs.iter().copied());
    if !whole || seqs.is_empty() {
        found.report(Rule::JournalGapless, Some(id), format!("{seqs:?}"));
    }
    let nonces: HashSet<&str> = saga
        .journal
        .iter()
        .map(|entry| entry.body.nonce.as_str())
        .collect();
    if nonces.len() != saga.journal.len() {
        found.report(Rule::OneRowACommit, Some(id), "two rows of one commit");
    }
}
