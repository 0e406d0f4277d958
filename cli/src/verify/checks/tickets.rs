//! Bookings, tickets and messages: one booking and one message for each completed saga, one ticket for each seat.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::seats_of;
use crate::verify::rows::{BookingRow, TicketRow};
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[
        Table::Saga,
        Table::SagaKey,
        Table::Journal,
        Table::Definition,
        Table::Booking,
        Table::Ticket,
        Table::Delivery,
        Table::Provider,
    ],
    rules: &[
        Rule::BookingsOfCompleted,
        Rule::BookingsArePaid,
        Rule::TicketOnce,
        Rule::TicketForEachSeat,
        Rule::EndStays,
        Rule::NoPhantom,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    let mut bookings: HashMap<&str, Vec<&BookingRow>> = HashMap::new();
    for booking in &case.world.bookings {
        bookings.entry(&booking.saga).or_default().push(booking);
    }
    let mut messages: HashMap<&str, usize> = HashMap::new();
    for delivery in &case.world.deliveries {
        *messages.entry(&delivery.saga).or_default() += 1;
    }
    for saga in bookings.keys().chain(messages.keys()) {
        if !case.world.sagas.contains_key(*saga) {
            let what = format!("a booking or message of {saga}");
            found.report(Rule::NoPhantom, None, what);
        }
    }
    let (tickets, charges) = (live_tickets(case, found), charges(case));
    for (id, saga) in case.bookings().filter(|(_, saga)| !saga.is("stuck")) {
        let mine = bookings.get(id).map_or(&[][..], Vec::as_slice);
        let sent = messages.get(id).copied().unwrap_or_default();
        let expected = usize::from(saga.is("completed"));
        if mine.len() != expected || sent != expected {
            let what = format!(
                "{}: {} bookings, {sent} messages",
                saga.row.status,
                mine.len()
            );
            found.report(Rule::BookingsOfCompleted, Some(id), what);
        }
        for booking in mine {
            let tickets = tickets
                .get(booking.booking_ref.as_str())
                .map_or(&[][..], Vec::as_slice);
            one(case, id, booking, tickets, found);
            let paid = charges.get(booking.charge_id.as_str()) == Some(&(Some(id), booking.amount));
            if booking.state != "confirmed" || !paid {
                let what = format!("{} with charge {}", booking.state, booking.charge_id);
                found.report(Rule::BookingsArePaid, Some(id), what);
            }
        }
    }
}

/// Live tickets by booking; a seat has one.
fn live_tickets<'a>(case: &Case<'a>, found: &mut Findings) -> HashMap<&'a str, Vec<&'a TicketRow>> {
    let mut tickets: HashMap<&str, Vec<&TicketRow>> = HashMap::new();
    let mut live: HashSet<(&str, &str)> = HashSet::new();
    for ticket in case
        .world
        .tickets
        .iter()
        .filter(|ticket| ticket.state == "live")
    {
        tickets.entry(&ticket.booking_ref).or_default().push(ticket);
        if !live.insert((&ticket.event_id, &ticket.seat)) {
            let what = format!("{} {}", ticket.event_id, ticket.seat);
            found.report(Rule::TicketOnce, None, what);
        }
    }
    tickets
}

fn one(
    case: &Case<'_>,
    id: &str,
    booking: &BookingRow,
    tickets: &[&TicketRow],
    found: &mut Findings,
) {
    let Some(body) = case.body(id) else {
        return;
    };
    let wanted: BTreeSet<&str> = seats_of(body).into_iter().collect();
    let got: BTreeSet<&str> = tickets.iter().map(|ticket| ticket.seat.as_str()).collect();
    let event = body["event_id"].as_str().unwrap_or_default();
    let there = tickets.iter().all(|ticket| ticket.event_id == event);
    if wanted != got || tickets.len() != wanted.len() || !there {
        let what = format!("wanted {wanted:?}, has tickets for {got:?}");
        found.report(Rule::TicketForEachSeat, Some(id), what);
    }
    let reads = case.by_saga.get(id).map_or(&[][..], |wish| &wish.reads);
    for told in reads.iter().filter_map(|read| read.booking_ref.as_ref()) {
        if *told != booking.booking_ref {
            let what = format!("told {told}, stored {}", booking.booking_ref);
            found.report(Rule::EndStays, Some(id), what);
        }
    }
}

/// Saga and amount of every charge at the provider.
fn charges<'a>(case: &Case<'a>) -> HashMap<&'a str, (Option<&'a str>, i64)> {
    let captures = case
        .world
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
