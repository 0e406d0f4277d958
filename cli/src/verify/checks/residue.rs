//! What is left over: no outbox row and no message.

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const ENGINE: Check = Check {
    needs: &[Table::Outbox],
    rules: &[Rule::OutboxEmpty],
    run: outbox,
};

pub(super) const QUEUES: Check = Check {
    needs: &[Table::Queue],
    rules: &[Rule::QueuesEmpty],
    run: queues,
};

fn outbox(case: &Case<'_>, found: &mut Findings) {
    for row in &case.world.outbox {
        let what = format!("a row for {} after {} tries", row.pool, row.tries);
        found.report(Rule::OutboxEmpty, None, what);
    }
}

fn queues(case: &Case<'_>, found: &mut Findings) {
    for queue in case.world.queues.iter().filter(|queue| queue.messages > 0) {
        let what = format!("{} in {}", queue.messages, queue.name);
        found.report(Rule::QueuesEmpty, None, what);
    }
}
