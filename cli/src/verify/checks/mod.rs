//! The rules, one subject a file, and what each needs to be judged at all.
//!
//! A rule whose files are missing is not judged, and the verdict says so: silence must not look like a proof.

mod attempts;
mod barriers;
mod decided;
mod deliveries;
mod effects;
mod journal;
mod money;
mod path;
mod reads;
mod residue;
mod seats;
mod starts;
mod stored;
mod tickets;
mod told;
mod undo;

use super::case::{Case, Findings};
use super::rule::Rule;
use super::table::Table;

/// Some rules that are judged together.
pub(crate) struct Check {
    pub(crate) needs: &'static [Table],
    pub(crate) rules: &'static [Rule],
    pub(crate) run: fn(&Case<'_>, &mut Findings),
}

/// Everything.
pub(crate) const CHECKS: [Check; 20] = [
    starts::KEYS,
    starts::CLIENTS,
    told::CHECK,
    reads::CHECK,
    reads::NODES,
    journal::CHECK,
    stored::CHECK,
    path::CHECK,
    decided::CHECK,
    attempts::CHECK,
    barriers::CHECK,
    effects::CHECK,
    undo::CHECK,
    seats::CHECK,
    money::PROVIDER,
    money::BOOKS,
    tickets::CHECK,
    residue::ENGINE,
    residue::QUEUES,
    deliveries::CHECK,
];

pub(crate) use attempts::{SKEW_MS, policy};
pub(crate) use decided::unjudged_rows;
pub(crate) use deliveries::counted as counted_redeliveries;
