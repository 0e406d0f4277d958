//! How often one task was delivered again: finite, counted, and no storm.

use std::collections::HashMap;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Redelivery],
    rules: &[Rule::NoStorm],
    run: check,
};

/// More redeliveries of one attempt than this are a storm: every fault that we know of makes a handful.
const STORM: usize = 40;

fn check(case: &Case<'_>, found: &mut Findings) {
    for ((effect, operation, attempt), times) in counted(case) {
        if times > STORM {
            let what =
                format!("{operation} #{attempt} of {effect} was delivered again {times} times");
            found.report(Rule::NoStorm, case.saga_of_effect(effect), what);
        }
    }
}

/// Redeliveries of each attempt that had any.
pub(crate) fn counted<'a>(case: &Case<'a>) -> HashMap<(&'a str, &'a str, i64), usize> {
    let mut counts = HashMap::new();
    for row in &case.world.redeliveries {
        let attempt = (row.effect.as_str(), row.operation.as_str(), row.attempt);
        *counts.entry(attempt).or_default() += 1;
    }
    counts
}
