//! Money, to the cent: the provider's log is the truth, the books say the same, and both fit the saga's end.

use std::collections::{BTreeMap, HashMap};

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::seats_of;
use crate::verify::rows::{EntryRow, ProviderRow};
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const PROVIDER: Check = Check {
    needs: &[
        Table::Saga,
        Table::SagaKey,
        Table::Journal,
        Table::Definition,
        Table::Seat,
        Table::Provider,
    ],
    rules: &[
        Rule::NoPhantom,
        Rule::OnceAKey,
        Rule::MoneyFitsEnd,
        Rule::AuthorizationsEndOnce,
    ],
    run: provider,
};

pub(super) const BOOKS: Check = Check {
    needs: &[
        Table::Saga,
        Table::SagaKey,
        Table::Journal,
        Table::Definition,
        Table::Seat,
        Table::Transfer,
        Table::Entry,
    ],
    rules: &[Rule::NoPhantom, Rule::BooksBalance, Rule::BooksFitEnd],
    run: books,
};

fn provider(case: &Case<'_>, found: &mut Findings) {
    let mut by_saga: HashMap<&str, Vec<&ProviderRow>> = HashMap::new();
    let mut lost: BTreeMap<&str, Vec<&ProviderRow>> = BTreeMap::new();
    let mut once: HashMap<(&str, &str), usize> = HashMap::new();
    for line in &case.world.provider {
        *once.entry((&line.key, &line.operation)).or_default() += 1;
        match case.saga_of_effect(&line.key) {
            Some(saga) => by_saga.entry(saga).or_default().push(line),
            None if case.is_lost(&line.key) => {
                let part = line.key.split('/').next().unwrap_or_default();
                lost.entry(part).or_default().push(line);
            }
            None => {
                let what = format!("{} {}", line.operation, line.key);
                found.report(Rule::NoPhantom, None, what);
            }
        }
    }
    for ((key, operation), times) in once.into_iter().filter(|(_, times)| *times > 1) {
        let what = format!("{operation} {times} times under {key}");
        found.report(Rule::OnceAKey, case.saga_of_effect(key), what);
    }
    for (part, lines) in lost {
        let live = charges(None, &lines, found);
        if !live.is_empty() {
            let what = format!("{part} was lost by a restore, live charges {live:?}");
            found.report(Rule::MoneyFitsEnd, None, what);
        }
    }
    let prices = prices(case);
    for (id, saga) in case.bookings() {
        let Some(price) = owed(case, &prices, id) else {
            continue;
        };
        let lines = by_saga.get(id).map_or(&[][..], Vec::as_slice);
        let live = charges(Some(id), lines, found);
        if live.iter().sum::<i64>() != price || live.len() > 1 {
            let what = format!("{}, price {price}, live charges {live:?}", saga.row.status);
            found.report(Rule::MoneyFitsEnd, Some(id), what);
        }
    }
}

/// The saga's charges that were not refunded; every authorization is used or given back.
fn charges(id: Option<&str>, lines: &[&ProviderRow], found: &mut Findings) -> Vec<i64> {
    let of = |operation: &'static str| lines.iter().filter(move |line| line.operation == operation);
    for authorization in of("authorize") {
        let ends = lines
            .iter()
            .filter(|line| matches!(line.operation.as_str(), "void" | "capture"))
            .filter(|line| line.authorization_id == authorization.authorization_id)
            .count();
        if ends != 1 {
            let what = format!("{} ended {ends} times", authorization.authorization_id);
            found.report(Rule::AuthorizationsEndOnce, id, what);
        }
    }
    of("capture")
        .filter(|charge| !of("refund").any(|refund| refund.charge_id == charge.charge_id))
        .map(|charge| charge.amount)
        .collect()
}

type Prices<'a> = HashMap<(&'a str, &'a str), i64>;

fn prices<'a>(case: &Case<'a>) -> Prices<'a> {
    case.world
        .seats
        .iter()
        .map(|seat| {
            (
                (seat.event_id.as_str(), seat.seat.as_str()),
                seat.price_amount,
            )
        })
        .collect()
}

/// What must have been taken in the end: what the seats cost in the catalogue, or nothing. None: it has not ended.
fn owed(case: &Case<'_>, prices: &Prices<'_>, id: &str) -> Option<i64> {
    match case.world.sagas.get(id)?.row.status.as_str() {
        "compensated" => Some(0),
        "completed" => {
            let body = case.body(id)?;
            let event = body["event_id"].as_str().unwrap_or_default();
            let costs = |seat| prices.get(&(event, seat)).copied();
            // A seat that the catalogue does not have has no price that could fit.
            seats_of(body)
                .into_iter()
                .map(costs)
                .sum::<Option<i64>>()
                .or(Some(-1))
        }
        _ => None,
    }
}

/// The books: every transfer balances, and each saga's accounts are what its end says.
fn books(case: &Case<'_>, found: &mut Findings) {
    let mut by_saga: HashMap<&str, Vec<&EntryRow>> = HashMap::new();
    let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for entry in &case.world.entries {
        *sums
            .entry((&entry.transfer_id, &entry.currency))
            .or_default() += entry.amount;
        if let Some(transfer) = case.world.transfers.get(&entry.transfer_id) {
            by_saga.entry(&transfer.saga).or_default().push(entry);
        } else {
            let what = format!("an entry of {}, which is no transfer", entry.transfer_id);
            found.report(Rule::NoPhantom, None, what);
        }
    }
    for ((transfer, currency), sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        let what = format!("{transfer} is off by {sum} {currency}");
        found.report(Rule::BooksBalance, case.saga_of_effect(transfer), what);
    }
    for transfer in case.world.transfers.values() {
        let is_lost = case.is_lost(&transfer.transfer_id);
        if !case.world.sagas.contains_key(&transfer.saga) && !is_lost {
            let what = format!("{} for {}", transfer.kind, transfer.saga);
            found.report(Rule::NoPhantom, None, what);
        }
    }
    let prices = prices(case);
    for (id, _) in case.bookings() {
        if let Some(price) = owed(case, &prices, id) {
            let entries = by_saga.get(id).map_or(&[][..], Vec::as_slice);
            accounts(id, entries, price, found);
        }
    }
}

/// Nothing is promised any more, and sales are what was taken.
fn accounts(id: &str, entries: &[&EntryRow], price: i64, found: &mut Findings) {
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
            found.report(Rule::BooksFitEnd, Some(id), what);
        }
    }
}
