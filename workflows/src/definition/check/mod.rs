//! What must hold between the parts of a definition.
//!
//! One question a file. Each looks at the whole plan and notes everything that it finds.

mod children;
mod customer;
mod input;
mod invariants;
mod kind;
mod pins;
mod pivot;
mod pools;
mod references;
mod time;
mod undo;
mod unknown;

use super::input_schema::InputSchema;
use super::plan::Plan;
use super::read::Reader;

pub use children::Pivots;
pub(crate) use input::input_schema;

/// All of them: for a file that somebody writes.
pub(crate) fn everything(
    reader: &mut Reader<'_>,
    plan: &Plan<'_>,
    schema: &InputSchema,
    pivots: &Pivots<'_>,
) {
    indispensable(reader, plan, schema);
    references::check(reader, plan, schema);
    undo::check(reader, plan);
    kind::check(reader, plan);
    pivot::check(reader, plan);
    children::check(reader, plan, pivots);
    unknown::check(reader, plan);
    time::check(reader, plan);
    pins::check(reader, plan);
    invariants::check(reader, plan);
    customer::check(reader, plan);
    pools::check(reader, plan);
}

/// Those that the engine rests on: for a definition that was accepted once.
pub(crate) fn indispensable(reader: &mut Reader<'_>, plan: &Plan<'_>, _: &InputSchema) {
    undo::declared(reader, plan);
    pivot::at_most_one(reader, plan);
    pivot::is_a_task(reader, plan);
    unknown::reconcilable(reader, plan);
}
