//! Undone in reverse order, as the participants saw it: what was built on an effect is gone before the effect is.

use std::collections::HashMap;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rows::BarrierRow;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Barrier, Table::Saga, Table::Definition],
    rules: &[Rule::UndoneInOrder],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    let mut undone: HashMap<&str, Vec<(&str, &BarrierRow)>> = HashMap::new();
    for row in case.world.barriers.values() {
        if row.state == "compensated"
            && let Some(unit) = row.effect.split('/').nth(1)
        {
            undone.entry(&row.saga).or_default().push((unit, row));
        }
    }
    for (id, _, definition) in case.readable() {
        let rows = undone.get(id).map_or(&[][..], Vec::as_slice);
        let index = |unit: &str| definition.step_index(unit.split(':').next().unwrap_or(unit));
        for (unit, row) in rows {
            let Some(step) = index(unit) else { continue };
            let descendants = definition.steps[step].descendants;
            let built_on = |later: &str| index(later).is_some_and(|at| descendants.contains(at));
            for (later, after) in rows.iter().filter(|(later, _)| built_on(later)) {
                if after.at_us > row.at_us {
                    let early = after.at_us - row.at_us;
                    let what = format!("`{unit}` was undone {early} µs before `{later}`");
                    found.report(Rule::UndoneInOrder, Some(id), what);
                }
            }
        }
    }
}
