//! Seats: sold exactly to completed bookings, held by nobody else, none twice.

use std::collections::HashMap;

use super::{Case, Violation, report};

type Place<'a> = (&'a str, &'a str);

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut owners: HashMap<Place<'_>, &str> = HashMap::new();
    for (id, operation) in &case.by_saga {
        let completed = case
            .dump
            .sagas
            .get(*id)
            .is_some_and(|saga| saga.status == "completed");
        for seat in operation.seats.iter().filter(|_| completed) {
            if let Some(other) = owners.insert((&operation.event, seat), id) {
                let what = format!("{seat} is {other}'s too");
                report(found, "a seat once", Some(id), what);
            }
        }
    }
    for seat in &case.dump.seats {
        let hold = seat.hold.as_ref().map(|hold| case.dump.holds.get(hold));
        let holder = match hold {
            Some(Some(hold)) => Some(hold.saga.as_str()),
            Some(None) => {
                report(found, "a seat's hold exists", None, seat.seat.clone());
                continue;
            }
            None => None,
        };
        let owner = owners
            .get(&(seat.event.as_str(), seat.seat.as_str()))
            .copied();
        let place = format!("{} of {}", seat.seat, seat.event);
        if seat.sold && holder != owner {
            let what = format!("{place} is sold to {holder:?}, completed: {owner:?}");
            report(found, "sold to the completed", holder.or(owner), what);
        } else if !seat.sold && owner.is_some() {
            let what = format!("{place} is not sold, held by {holder:?}");
            report(found, "sold to the completed", owner, what);
        } else if !seat.sold && holder.is_some() {
            let what = format!("{place} is held after the end");
            report(found, "no seat held after the end", holder, what);
        }
    }
    holds(case, found);
}

/// Every hold is of a saga that is known, and in a state that fits its end.
fn holds(case: &Case<'_>, found: &mut Vec<Violation>) {
    for hold in case.dump.holds.values() {
        let Some(saga) = case.dump.sagas.get(&hold.saga) else {
            report(
                found,
                "no phantom",
                None,
                format!("hold {} of {}", hold.id, hold.saga),
            );
            continue;
        };
        let fits = match saga.status.as_str() {
            "completed" => hold.state == "sold",
            "compensated" => hold.state == "released" || hold.state == "expired",
            _ => true,
        };
        if !fits {
            let what = format!("{} with a hold that is {}", saga.status, hold.state);
            report(found, "holds fit the end", Some(&hold.saga), what);
        }
    }
    let mut holds_of: HashMap<&str, usize> = HashMap::new();
    for hold in case.dump.holds.values() {
        *holds_of.entry(&hold.saga).or_default() += 1;
    }
    for (saga, count) in holds_of.into_iter().filter(|(_, count)| *count > 1) {
        report(
            found,
            "once an effect key",
            Some(saga),
            format!("{count} holds"),
        );
    }
}
