//! Reads of one saga, over all clients and nodes: once something was answered, nobody reads anything older.
//!
//! A saga is a small register whose version only grows, so its linearizability is this: a read that was asked for
//! after another was answered shows at least that version, and an end once read is read for ever.

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::{Read, Wish};
use crate::verify::rows::OpKind;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Ops],
    rules: &[Rule::ReadsGoOn, Rule::EndStays],
    run: check,
};

pub(super) const NODES: Check = Check {
    needs: &[Table::Ops, Table::Faults],
    rules: &[Rule::NodesAreBack],
    run: nodes,
};

/// Answers that show that a node is back.
const BACK: usize = 5;

fn check(case: &Case<'_>, found: &mut Findings) {
    for wish in case.world.history.wishes.values() {
        let mut reads: Vec<&Read> = wish.reads.iter().collect();
        reads.sort_by_key(|read| read.asked_us);
        for (place, later) in reads.iter().enumerate() {
            let before = |earlier: &&&Read| earlier.answered_us < later.asked_us;
            for earlier in reads[..place].iter().filter(before) {
                pair(wish, earlier, later, found);
            }
        }
    }
}

fn pair(wish: &Wish, earlier: &Read, later: &Read, found: &mut Findings) {
    let saga = wish.sagas.first().map(String::as_str);
    let told = |read: &Read| format!("{} read `{}` {:?}", read.process, read.status, read.version);
    let what = || format!("{}, and later {}", told(earlier), told(later));
    if earlier
        .version
        .zip(later.version)
        .is_some_and(|(was, is)| is < was)
    {
        found.report(Rule::ReadsGoOn, saga, what());
    }
    let other_reference = earlier.booking_ref.is_some() && earlier.booking_ref != later.booking_ref;
    if (earlier.is_final() && earlier.status != later.status) || other_reference {
        found.report(Rule::EndStays, saga, what());
    }
}

/// After the last fault each node that ever answered answers again.
fn nodes(case: &Case<'_>, found: &mut Findings) {
    let Some(healed) = case.world.faults.iter().map(|fault| fault.from_us).max() else {
        return;
    };
    let mut answers = std::collections::BTreeMap::<&str, usize>::new();
    for row in case
        .world
        .history
        .wishes
        .values()
        .flat_map(|wish| &wish.trail)
    {
        if row.kind == OpKind::Ok && !row.node.is_empty() {
            *answers.entry(&row.node).or_default() += usize::from(row.time_us > healed);
        }
    }
    for (node, count) in answers.into_iter().filter(|(_, count)| *count < BACK) {
        let what = format!("{node} gave {count} answers after the last fault");
        found.report(Rule::NodesAreBack, None, what);
    }
}
