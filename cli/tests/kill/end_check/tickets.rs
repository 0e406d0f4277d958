//! Bookings, tickets and messages: one booking and one message for each completed saga, one ticket for each seat.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Case, Violation, report};
use crate::dump::{Booking, Ticket};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut bookings: HashMap<&str, Vec<&Booking>> = HashMap::new();
    for booking in &case.dump.bookings {
        bookings.entry(&booking.saga).or_default().push(booking);
    }
    let mut tickets: HashMap<&str, Vec<&Ticket>> = HashMap::new();
    let mut live: HashSet<(&str, &str)> = HashSet::new();
    for ticket in case
        .dump
        .tickets
        .iter()
        .filter(|ticket| ticket.state == "live")
    {
        tickets.entry(&ticket.reference).or_default().push(ticket);
        if !live.insert((&ticket.event, &ticket.seat)) {
            report(
                found,
                "a ticket once",
                None,
                format!("{} {}", ticket.event, ticket.seat),
            );
        }
    }
    let mut messages: HashMap<&str, usize> = HashMap::new();
    for (saga, _kind) in &case.dump.deliveries {
        *messages.entry(saga).or_default() += 1;
    }
    let charges = charges(case);
    for (id, saga) in &case.dump.sagas {
        let mine = bookings.remove(id.as_str()).unwrap_or_default();
        let sent = messages.remove(id.as_str()).unwrap_or_default();
        let expected = usize::from(saga.status == "completed");
        if mine.len() != expected || sent != expected {
            let what = format!("{}: {} bookings, {sent} messages", saga.status, mine.len());
            report(found, "bookings of the completed", Some(id), what);
        }
        for booking in mine {
            let tickets = tickets
                .get(booking.reference.as_str())
                .map_or(&[][..], Vec::as_slice);
            one(case, id, booking, tickets, found);
            let paid =
                charges.get(booking.charge.as_str()) == Some(&(Some(id.as_str()), booking.amount));
            if booking.state != "confirmed" || !paid {
                let what = format!("{} with charge {}", booking.state, booking.charge);
                report(found, "bookings are paid", Some(id), what);
            }
        }
    }
    for saga in bookings.keys().chain(messages.keys()) {
        report(
            found,
            "no phantom",
            None,
            format!("a booking or message of {saga}"),
        );
    }
}

fn one(
    case: &Case<'_>,
    id: &str,
    booking: &Booking,
    tickets: &[&Ticket],
    found: &mut Vec<Violation>,
) {
    let Some(operation) = case.by_saga.get(id) else {
        return;
    };
    let wanted: BTreeSet<&str> = operation.seats.iter().map(String::as_str).collect();
    let got: BTreeSet<&str> = tickets.iter().map(|ticket| ticket.seat.as_str()).collect();
    let event = tickets.iter().all(|ticket| ticket.event == operation.event);
    if wanted != got || tickets.len() != wanted.len() || !event {
        let what = format!("wanted {wanted:?}, has tickets for {got:?}");
        report(found, "a ticket for each seat", Some(id), what);
    }
    if operation
        .booking_ref
        .as_ref()
        .is_some_and(|told| *told != booking.reference)
    {
        let what = format!(
            "told {:?}, stored {}",
            operation.booking_ref, booking.reference
        );
        report(found, "an end stays", Some(id), what);
    }
}

/// Saga and amount of every charge at the provider.
fn charges<'a>(case: &Case<'a>) -> HashMap<&'a str, (Option<&'a str>, i64)> {
    let captures = case
        .dump
        .provider
        .iter()
        .filter(|line| line.operation == "capture");
    captures
        .filter_map(|line| {
            let saga = case.saga_of_effect(&line.key);
            Some((line.charge_id.as_deref()?, (saga, line.amount)))
        })
        .collect()
}
