//! Halls whose seats are booked: big events in the catalogue, made for the measurement.
//!
//! The shipped demo events are sold out within seconds. They are written straight into the catalogue's tables, whose
//! shape the orchestrator's start has just brought up to date.

use crate::Outcome;
use crate::database::Database;

/// An event's id: fixed, so that it can be found in logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event(pub(crate) &'static str);

/// Where every booking takes a seat of its own.
pub(crate) const HALL: Event = Event("0e7e0000-0000-4000-8000-00000000be4c");

/// Where buyers compete for the seats.
pub(crate) const FLASH_SALE: Event = Event("0e7e0000-0000-4000-8000-0000000f1a54");

/// Seats in a row: three digits are the most that a booking accepts.
const ROW: usize = 999;

/// Makes the event and gives the labels of its seats.
pub(crate) fn build(database: Database<'_>, event: Event, seats: usize) -> Outcome<Vec<String>> {
    let Event(id) = event;
    let rows = seats.div_ceil(ROW);
    database.execute(&format!(
        "insert into catalog.event (event_id, title, venue, starts_at, currency)
         values ('{id}', 'Measured', 'Bench Arena', now() + interval '90 days', 'EUR');
         insert into catalog.seat (event_id, seat, section, price_amount)
         select '{id}',
                case when r > 26 then chr(64 + (r - 1) / 26) else '' end || chr(65 + (r - 1) % 26) || n,
                'hall', 5000
           from generate_series(1, {rows}) as r, generate_series(1, {ROW}) as n
          order by r, n
          limit {seats};
         analyze catalog.seat"
    ))?;
    let labels = format!("select seat from catalog.seat where event_id = '{id}'");
    Ok(database
        .query(&labels)?
        .lines()
        .map(str::to_owned)
        .collect())
}

/// So many buyers, each with the seat that it wants: every seat is wanted as often as any other, give or take one,
/// and no order leads from one buyer to the next. The same at every run.
pub(crate) fn rush(seats: &[String], buyers: usize) -> Vec<String> {
    let mut wanted: Vec<String> = seats.iter().cycle().take(buyers).cloned().collect();
    // Fisher-Yates with a linear congruential generator (Knuth's MMIX): no dependency for a shuffle.
    let mut random = 1_u64;
    for last in (1..wanted.len()).rev() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = (random >> 33) as usize % (last + 1);
        wanted.swap(last, other);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_seat_is_wanted_and_none_much_more_than_another() {
        let seats: Vec<String> = (0..20).map(|n| format!("A{n}")).collect();
        let wanted = rush(&seats, 50);
        let mut times: HashMap<&String, usize> = HashMap::new();
        for seat in &wanted {
            *times.entry(seat).or_default() += 1;
        }
        assert_eq!(times.len(), 20);
        assert!(
            times.values().all(|times| (2..=3).contains(times)),
            "{times:?}"
        );
        assert_ne!(&wanted[..20], &seats[..], "it is shuffled");
        assert_eq!(wanted, rush(&seats, 50), "it is the same again");
    }
}
