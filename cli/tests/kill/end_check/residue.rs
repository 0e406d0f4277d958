//! What is left over: no outbox row, no message, no alarm clock of an ended saga.

use super::{Case, Violation, report};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for (pool, tries) in &case.dump.outbox {
        let what = format!("a row for {pool} after {tries} tries");
        report(found, "outbox empty", None, what);
    }
    for (queue, messages) in case
        .dump
        .queues
        .iter()
        .filter(|(_, messages)| *messages > 0)
    {
        report(
            found,
            "queues empty",
            None,
            format!("{messages} in {queue}"),
        );
    }
    for (id, saga) in &case.dump.sagas {
        if saga.ended && saga.wakes {
            report(
                found,
                "ended sagas sleep",
                Some(id),
                "it has ended and is still woken",
            );
        }
    }
}
