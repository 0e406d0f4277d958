//! The hall whose seats are booked: one big event in the catalogue, made for the measurement.
//!
//! The shipped demo events are sold out within seconds. It is written straight into the catalogue's tables, whose
//! shape the orchestrator's start has just brought up to date, and counted there at the end.

use crate::Outcome;
use crate::platform::Platform;

/// The event's id: fixed, so that it can be found in logs.
pub(crate) const EVENT: &str = "0e7e0000-0000-4000-8000-00000000be4c";

/// Seats in a row: three digits are the most that a booking accepts.
const ROW: usize = 999;

/// Makes the event and gives the labels of its seats.
pub(crate) fn build(platform: &Platform, seats: usize) -> Outcome<Vec<String>> {
    let rows = seats.div_ceil(ROW);
    platform.execute(&format!(
        "insert into catalog.event (event_id, title, venue, starts_at, currency)
         values ('{EVENT}', 'Measured', 'Bench Arena', now() + interval '90 days', 'EUR');
         insert into catalog.seat (event_id, seat, section, price_amount)
         select '{EVENT}',
                case when r > 26 then chr(64 + (r - 1) / 26) else '' end || chr(65 + (r - 1) % 26) || n,
                'hall', 5000
           from generate_series(1, {rows}) as r, generate_series(1, {ROW}) as n;
         analyze catalog.seat"
    ))?;
    let labels = format!("select seat from catalog.seat where event_id = '{EVENT}' limit {seats}");
    Ok(platform
        .query(&labels)?
        .lines()
        .map(str::to_owned)
        .collect())
}

/// Seats that are sold: one for each booking that completed.
pub(crate) fn sold(platform: &Platform) -> Outcome<u64> {
    platform.count(&format!(
        "select count(*) from catalog.seat where event_id = '{EVENT}' and sold_at is not null"
    ))
}
