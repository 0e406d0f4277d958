//! Is a pool's name a slip of the pen?
//!
//! Which pools exist is known only where workers run. But a name that is used once, beside a much-alike one that
//! is used more often, was probably meant to be that one.

use std::collections::BTreeMap;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::At;
use super::super::model::TaskName;
use super::super::plan::Plan;
use super::super::read::Reader;
use super::super::suggest;

/// Warns about such names.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    let tasks: Vec<&At<TaskName>> = plan
        .steps
        .iter()
        .flat_map(|step| {
            let undo = step.undo().and_then(|undo| undo.task.as_ref());
            let reconcile = step
                .reconcile
                .as_ref()
                .and_then(|by| by.value.task.as_ref());
            [step.task.as_ref(), undo, reconcile].into_iter().flatten()
        })
        .collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &tasks {
        *uses.entry(task.value.pool.as_str()).or_default() += 1;
    }
    let often = || {
        uses.iter()
            .filter(|(_, count)| **count > 1)
            .map(|(pool, _)| *pool)
    };
    for task in tasks {
        let pool = task.value.pool.as_str();
        if uses.get(pool) != Some(&1) {
            continue;
        }
        if let Some(near) = suggest::nearest(pool, often()) {
            let message = format!("the pool `{pool}` is used once here, and `{near}` more often");
            reader.note(
                Diagnostic::warning(code::ODD_POOL, task.place, message)
                    .with_help(format!("did you mean `{near}`?")),
            );
        }
    }
}
