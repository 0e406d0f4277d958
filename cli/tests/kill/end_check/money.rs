//! Money, to the cent: the provider's log is the truth, the books say the same, and both fit the saga's end.

use std::collections::{BTreeMap, HashMap};

use super::{Case, Violation, report};
use crate::dump::{Entry, Movement};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut by_saga: HashMap<&str, Vec<&Movement>> = HashMap::new();
    let mut once: HashMap<(&str, &str), usize> = HashMap::new();
    for line in &case.dump.provider {
        *once.entry((&line.key, &line.operation)).or_default() += 1;
        match case.saga_of_effect(&line.key) {
            Some(saga) => by_saga.entry(saga).or_default().push(line),
            None => report(
                found,
                "no phantom",
                None,
                format!("{} {}", line.operation, line.key),
            ),
        }
    }
    for ((key, operation), times) in once {
        if times > 1 {
            let what = format!("{operation} {times} times under {key}");
            report(found, "once an effect key", case.saga_of_effect(key), what);
        }
    }
    let prices: HashMap<(&str, &str), i64> = case
        .dump
        .seats
        .iter()
        .map(|seat| ((seat.event.as_str(), seat.seat.as_str()), seat.price))
        .collect();
    let mut entries: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in &case.dump.entries {
        entries.entry(&entry.saga).or_default().push(entry);
    }
    for (id, saga) in &case.dump.sagas {
        let lines = by_saga.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let live = provider(id, lines, found);
        let price = match saga.status.as_str() {
            "completed" => price(case, &prices, id),
            "compensated" => 0,
            _ => continue,
        };
        if live.iter().sum::<i64>() != price || live.len() > 1 {
            let what = format!("{}, price {price}, live charges {live:?}", saga.status);
            report(found, "money fits the end", Some(id), what);
        }
        let entries = entries.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        books(id, entries, price, found);
    }
    balanced(case, found);
}

/// The saga's charges that were not refunded; every authorization is used or given back.
fn provider(id: &str, lines: &[&Movement], found: &mut Vec<Violation>) -> Vec<i64> {
    let of = |operation: &'static str| lines.iter().filter(move |line| line.operation == operation);
    for authorization in of("authorize") {
        let ends = lines
            .iter()
            .filter(|line| matches!(line.operation.as_str(), "void" | "capture"))
            .filter(|line| line.authorization_id == authorization.authorization_id)
            .count();
        if ends != 1 {
            let what = format!("{} ended {ends} times", authorization.authorization_id);
            report(found, "authorizations end once", Some(id), what);
        }
    }
    of("capture")
        .filter(|charge| !of("refund").any(|refund| refund.charge_id == charge.charge_id))
        .map(|charge| charge.amount)
        .collect()
}

/// What the seats that the customer asked for cost in the catalogue.
fn price(case: &Case<'_>, prices: &HashMap<(&str, &str), i64>, id: &str) -> i64 {
    let Some(operation) = case.by_saga.get(id) else {
        return -1;
    };
    let event = operation.event.as_str();
    let seats = operation.seats.iter();
    seats
        .filter_map(|seat| prices.get(&(event, seat.as_str())))
        .sum()
}

/// The books of one saga: nothing is promised any more, and sales are what was taken.
fn books(id: &str, entries: &[&Entry], price: i64, found: &mut Vec<Violation>) {
    let mut accounts: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in entries {
        *accounts.entry(&entry.account).or_default() += entry.amount;
    }
    let expected = [
        ("authorized", 0),
        ("promised", 0),
        ("provider", price),
        ("sales", -price),
    ];
    for (account, amount) in expected {
        let is = accounts.get(account).copied().unwrap_or_default();
        if is != amount {
            let what = format!("{account} has {is}, not {amount}");
            report(found, "books fit the end", Some(id), what);
        }
    }
}

fn balanced(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut transfers: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for entry in &case.dump.entries {
        *transfers
            .entry((&entry.transfer, &entry.currency))
            .or_default() += entry.amount;
        if !case.dump.sagas.contains_key(&entry.saga) {
            let what = format!("{} for {}", entry.kind, entry.saga);
            report(found, "no phantom", None, what);
        }
    }
    for ((transfer, currency), sum) in transfers {
        if sum != 0 {
            let what = format!("{transfer} is off by {sum} {currency}");
            report(found, "books balance", case.saga_of_effect(transfer), what);
        }
    }
}
