//! One saga from all sides on one timeline, for a reader who was not there.
//!
//! Only what is about this saga, and the faults that fell into its life: the smallest story that shows what went
//! wrong. All witnesses tell wall time; the milliseconds are counted from the first thing that is known of it.

use std::fmt::Write as _;

use super::case::{Case, part};
use super::rows::{OpKind, OpRow};

/// Something that a witness saw.
struct Moment {
    at_us: i64,
    who: &'static str,
    what: String,
}

/// The story of a saga, as text.
pub(crate) fn of(case: &Case<'_>, id: &str) -> String {
    let mut moments = clients(case, id);
    moments.extend(journal(case, id));
    moments.extend(participants(case, id));
    moments.extend(money(case, id));
    moments.sort_by_key(|moment| moment.at_us);
    let (first, last) = match (moments.first(), moments.last()) {
        (Some(first), Some(last)) => (first.at_us, last.at_us),
        _ => return format!("saga {id}: nobody knows it\n"),
    };
    let faults = case.world.faults.iter();
    moments.extend(
        faults
            .filter(|fault| fault.from_us <= last && first <= fault.until_us)
            .map(|fault| Moment {
                at_us: fault.from_us,
                who: "fault",
                what: fault.what.clone(),
            }),
    );
    moments.sort_by_key(|moment| moment.at_us);
    let mut text = format!("saga {id} (effects {})\n", part(id));
    for Moment { at_us, who, what } in &moments {
        let after = (at_us - first) / 1000;
        let _written = writeln!(text, "  {after:>8} ms  {who:<11} {what}");
    }
    at_the_end(case, id, &mut text);
    text
}

fn clients(case: &Case<'_>, id: &str) -> Vec<Moment> {
    let Some(wish) = case.by_saga.get(id) else {
        return Vec::new();
    };
    let line = |row: &OpRow| {
        let op = format!("{:?}", row.op).to_lowercase();
        let mut what = format!("{} {op} {:?} at {}", row.process, row.kind, row.node);
        if let Some(body) = row.body.as_ref().filter(|_| row.kind == OpKind::Invoke) {
            let _written = write!(what, " {} {body}", row.key);
        }
        if let Some(http) = row.http {
            let _written = write!(what, " {http}");
        }
        for said in [&row.status, &row.why].into_iter().flatten() {
            let _written = write!(what, " {said}");
        }
        if let Some(version) = row.version {
            let _written = write!(what, " (row {version})");
        }
        what
    };
    let moment = |row: &OpRow| Moment {
        at_us: row.time_us,
        who: "client",
        what: line(row),
    };
    wish.trail.iter().map(moment).collect()
}

fn journal(case: &Case<'_>, id: &str) -> Vec<Moment> {
    let Some(saga) = case.world.sagas.get(id) else {
        return Vec::new();
    };
    let mut moments = Vec::new();
    for entry in &saga.journal {
        let at_us = micros(entry.body.at);
        let (seq, nonce, by) = (entry.seq, &entry.body.nonce, entry.body.by.join(", "));
        moments.push(Moment {
            at_us,
            who: "journal",
            what: format!("row {seq} by commit {nonce}: {by}"),
        });
        moments.extend(entry.body.events.iter().map(|event| Moment {
            at_us,
            who: "",
            what: format!("  {}", serde_json::to_string(event).unwrap_or_default()),
        }));
    }
    moments
}

fn participants(case: &Case<'_>, id: &str) -> Vec<Moment> {
    let mine = part(id);
    let effects = case.world.effects.iter().filter(|row| row.saga == id);
    let word = |state: &Option<String>| state.clone().unwrap_or_else(|| "nothing".to_owned());
    let changes = effects.map(|row| Moment {
        at_us: row.at_us,
        who: "effect",
        what: format!("{}: {} -> {}", row.effect, word(&row.was), word(&row.now)),
    });
    let redelivered = case.world.redeliveries.iter();
    let again = redelivered
        .filter(|row| row.effect.split('/').next() == Some(mine.as_str()))
        .map(|row| Moment {
            at_us: row.at_us,
            who: "delivery",
            what: format!(
                "{} {} #{} starts for the {}. time",
                row.effect, row.operation, row.attempt, row.starts
            ),
        });
    changes.chain(again).collect()
}

fn money(case: &Case<'_>, id: &str) -> Vec<Moment> {
    let provider = case.world.provider.iter();
    let moved = provider
        .filter(|line| case.saga_of_effect(&line.key) == Some(id))
        .map(|line| Moment {
            at_us: line.at.timestamp_micros(),
            who: "provider",
            what: format!("{} {} under {}", line.operation, line.amount, line.key),
        });
    let transfers = case.world.transfers.values();
    let booked = transfers
        .filter(|transfer| transfer.saga == id)
        .map(|transfer| {
            let entries = case.world.entries.iter();
            let mine = entries.filter(|entry| entry.transfer_id == transfer.transfer_id);
            let said: Vec<String> = mine
                .map(|entry| format!("{} {:+}", entry.account, entry.amount))
                .collect();
            Moment {
                at_us: transfer.at_us,
                who: "books",
                what: format!("{}: {}", transfer.kind, said.join(", ")),
            }
        });
    moved.chain(booked).collect()
}

/// What is stored in the end, without an instant of its own.
fn at_the_end(case: &Case<'_>, id: &str, text: &mut String) {
    let mut line = |what: String| {
        let _written = writeln!(text, "  in the end   {what}");
    };
    match case.world.sagas.get(id) {
        Some(saga) => line(format!("the saga is {}", saga.row.status)),
        None => line("the saga is not stored".to_owned()),
    }
    for hold in case.world.holds.values().filter(|hold| hold.saga == id) {
        line(format!(
            "hold {} is {}, {}",
            hold.hold_id, hold.state, hold.amount
        ));
    }
    for row in case.world.barriers.values().filter(|row| row.saga == id) {
        let outcome = row
            .outcome
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        line(format!(
            "{} of {} is {} {outcome}",
            row.effect, row.pool, row.state
        ));
    }
}

fn micros(millis: u64) -> i64 {
    i64::try_from(millis)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
}
