//! Seats: sold exactly to completed bookings, held by nobody else, none twice.

use std::collections::{HashMap, HashSet};

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::seats_of;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[
        Table::Saga,
        Table::SagaKey,
        Table::Journal,
        Table::Definition,
        Table::Seat,
        Table::Hold,
    ],
    rules: &[
        Rule::SeatOnce,
        Rule::SeatHoldExists,
        Rule::SoldToCompleted,
        Rule::NothingHeldAfterEnd,
        Rule::HoldsFitEnd,
        Rule::OnceAKey,
        Rule::NoPhantom,
    ],
    run: check,
};

type Place<'a> = (&'a str, &'a str);

fn check(case: &Case<'_>, found: &mut Findings) {
    let owners = owners(case, found);
    let bookings: HashSet<&str> = case.bookings().map(|(id, _)| id).collect();
    for seat in &case.world.seats {
        let hold = seat.hold_id.as_ref().map(|hold| case.world.holds.get(hold));
        let holder = match hold {
            Some(Some(hold)) => Some(hold.saga.as_str()),
            Some(None) => {
                found.report(Rule::SeatHoldExists, None, seat.seat.clone());
                continue;
            }
            None => None,
        };
        // Another definition's saga may hold seats in its own way, and one that stands before a human still does.
        let open = |saga: &str| {
            case.world
                .sagas
                .get(saga)
                .is_some_and(|saga| saga.is("stuck"))
        };
        if holder.is_some_and(|saga| !bookings.contains(saga) || open(saga)) {
            continue;
        }
        let owner = owners
            .get(&(seat.event_id.as_str(), seat.seat.as_str()))
            .copied();
        let place = format!("{} of {}", seat.seat, seat.event_id);
        if seat.sold && holder != owner {
            let what = format!("{place} is sold to {holder:?}, completed: {owner:?}");
            found.report(Rule::SoldToCompleted, holder.or(owner), what);
        } else if !seat.sold && owner.is_some() {
            let what = format!("{place} is not sold, held by {holder:?}");
            found.report(Rule::SoldToCompleted, owner, what);
        } else if !seat.sold && holder.is_some() {
            let what = format!("{place} is held after the end");
            found.report(Rule::NothingHeldAfterEnd, holder, what);
        }
    }
    holds(case, &bookings, found);
}

/// The completed booking of each seat that was asked for.
fn owners<'a>(case: &Case<'a>, found: &mut Findings) -> HashMap<Place<'a>, &'a str> {
    let mut owners: HashMap<Place<'_>, &str> = HashMap::new();
    for (id, saga) in case.bookings().filter(|(_, saga)| saga.is("completed")) {
        let Some(body) = case.body(id) else { continue };
        let event = body["event_id"].as_str().unwrap_or_default();
        for seat in seats_of(body) {
            if let Some(other) = owners.insert((event, seat), id) {
                let what = format!("{seat} is {other}'s too, as {} is", saga.row.status);
                found.report(Rule::SeatOnce, Some(id), what);
            }
        }
    }
    owners
}

/// Every hold is of a saga that is known, and in a state that fits its end.
fn holds(case: &Case<'_>, bookings: &HashSet<&str>, found: &mut Findings) {
    let mut holds_of: HashMap<&str, usize> = HashMap::new();
    for hold in case.world.holds.values() {
        let Some(saga) = case.world.sagas.get(&hold.saga) else {
            let what = format!("hold {} of {}", hold.hold_id, hold.saga);
            found.report(Rule::NoPhantom, None, what);
            continue;
        };
        if !bookings.contains(hold.saga.as_str()) {
            continue;
        }
        *holds_of.entry(&hold.saga).or_default() += 1;
        let fits = match saga.row.status.as_str() {
            "completed" => hold.state == "sold",
            "compensated" => hold.state == "released" || hold.state == "expired",
            _ => true,
        };
        if !fits {
            let what = format!("{} with a hold that is {}", saga.row.status, hold.state);
            found.report(Rule::HoldsFitEnd, Some(&hold.saga), what);
        }
    }
    for (saga, count) in holds_of.into_iter().filter(|(_, count)| *count > 1) {
        found.report(Rule::OnceAKey, Some(saga), format!("{count} holds"));
    }
}
