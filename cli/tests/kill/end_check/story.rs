//! One saga from all sides, for a reader who was not there.

use std::fmt::Write as _;

use super::{Case, part};

pub(super) fn of(case: &Case<'_>, id: &str) -> String {
    let mut text = format!("saga {id} (effects {})\n", part(id));
    if let Some(operation) = case.by_saga.get(id) {
        line(&mut text, &operation.tell());
    }
    let Some(saga) = case.dump.sagas.get(id) else {
        return text + "  is not stored";
    };
    line(
        &mut text,
        &format!("row: {} ended {}", saga.status, saga.ended),
    );
    let start = saga.journal.first().map_or(0, |row| row.at);
    for row in &saga.journal {
        let after = row.at.saturating_sub(start);
        line(
            &mut text,
            &format!(
                "journal {} +{after} ms [{}] {:?}",
                row.seq, row.nonce, row.by
            ),
        );
        for event in &row.events {
            let said = serde_json::to_string(event).unwrap_or_default();
            line(&mut text, &format!("    {said}"));
        }
    }
    for movement in &case.dump.provider {
        if case.saga_of_effect(&movement.key) == Some(id) {
            let (operation, amount) = (&movement.operation, movement.amount);
            line(
                &mut text,
                &format!("provider {operation} {amount} {}", movement.key),
            );
        }
    }
    for entry in case.dump.entries.iter().filter(|entry| entry.saga == id) {
        let (kind, account, amount) = (&entry.kind, &entry.account, entry.amount);
        line(&mut text, &format!("books {kind} {account} {amount}"));
    }
    for hold in case.dump.holds.values().filter(|hold| hold.saga == id) {
        line(
            &mut text,
            &format!("hold {} {} {}", hold.id, hold.state, hold.amount),
        );
    }
    for row in case.dump.barriers.values().filter(|row| row.saga == id) {
        line(
            &mut text,
            &format!("barrier {} {} {:?}", row.effect, row.state, row.outcome),
        );
    }
    text
}

fn line(text: &mut String, what: &str) {
    let _written = writeln!(text, "  {what}");
}
