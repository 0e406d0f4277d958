//! Nothing lost and nothing made up: what was answered over HTTP is what Postgres holds.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Outcome;
use crate::database::Database;
use crate::seats::{FLASH_SALE, HALL};
use crate::work::{End, Work};

/// Sagas whose answer we did not get go on by themselves; they are waited for.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Both sides of the account.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Balance {
    pub(crate) answered_completed: u64,
    pub(crate) answered_compensated: u64,
    pub(crate) unsure: u64,
    pub(crate) completed: u64,
    pub(crate) compensated: u64,
    pub(crate) open: u64,
    /// None when no seats were to be had.
    pub(crate) sold: Option<Sold>,
}

/// What bookings leave behind in the tables of the pools.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sold {
    pub(crate) seats: u64,
    pub(crate) tickets: u64,
    pub(crate) captures: u64,
    /// Seats with more than one live ticket.
    pub(crate) oversold: u64,
    /// Seats that are held for nobody any more.
    pub(crate) held: u64,
}

impl Balance {
    /// Every answered saga has ended as its answer said, and beyond them at most those whose answer we did not get.
    /// Each completed booking has its seat, its ticket and its charge, and no other has any.
    pub(crate) fn holds(&self) -> bool {
        let fits =
            |answered: u64, stored: u64| (answered..=answered + self.unsure).contains(&stored);
        self.open == 0
            && fits(self.answered_completed, self.completed)
            && fits(self.answered_compensated, self.compensated)
            && self.sold.as_ref().is_none_or(|sold| {
                let each = [sold.seats, sold.tickets, sold.captures];
                each == [self.completed; 3] && sold.oversold == 0 && sold.held == 0
            })
    }
}

/// Waits for the open sagas, then counts. `filled` are completed sagas that were not started by this work.
pub(crate) async fn check<'w>(
    database: Database<'_>,
    works: impl IntoIterator<Item = &'w Work>,
    filled: u64,
    bookings: bool,
) -> Outcome<Balance> {
    let count = |status: &str| {
        let sql = format!("select count(*) from impresario.saga where status in ({status})");
        database.count(&sql)
    };
    let open = "'running', 'waiting', 'compensating', 'stuck'";
    let deadline = Instant::now() + SETTLE_PATIENCE;
    while count(open)? > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut balance = Balance {
        answered_completed: 0,
        answered_compensated: 0,
        unsure: 0,
        completed: count("'completed'")?.saturating_sub(filled),
        compensated: count("'compensated'")?,
        open: count(open)?,
        sold: bookings.then(|| sold(database)).transpose()?,
    };
    for work in works {
        balance.answered_completed += work.ended(End::Completed);
        balance.answered_compensated += work.ended(End::Compensated);
        balance.unsure += work.unsure();
    }
    Ok(balance)
}

fn sold(database: Database<'_>) -> Outcome<Sold> {
    let ours = format!("event_id in ('{}', '{}')", HALL.0, FLASH_SALE.0);
    let count = |what: &str| database.count(&format!("select count(*) from {what}"));
    Ok(Sold {
        seats: count(&format!(
            "catalog.seat where {ours} and sold_at is not null"
        ))?,
        tickets: count(&format!("booking.ticket where {ours} and state = 'live'"))?,
        captures: count("payment.transfer where kind = 'capture'")?,
        oversold: count(&format!(
            "(select from booking.ticket where {ours} and state = 'live'
               group by event_id, seat having count(*) > 1) as twice"
        ))?,
        held: count(&format!(
            "catalog.seat where {ours} and sold_at is null and hold_id is not null"
        ))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booked() -> Balance {
        Balance {
            answered_completed: 20,
            answered_compensated: 30,
            unsure: 1,
            completed: 20,
            compensated: 31,
            open: 0,
            sold: Some(Sold {
                seats: 20,
                tickets: 20,
                captures: 20,
                oversold: 0,
                held: 0,
            }),
        }
    }

    #[test]
    fn an_account_holds_or_one_figure_breaks_it() {
        assert!(booked().holds());
        type Break = fn(&mut Balance, &mut Sold);
        let breaks: [(&str, Break); 8] = [
            ("an acknowledged saga is lost", |b, _| {
                b.answered_completed = 21
            }),
            ("a saga came from nowhere", |b, _| b.compensated = 32),
            ("a saga has not ended", |b, _| b.open = 1),
            ("a seat without a saga", |_, s| s.seats = 21),
            ("no ticket for a booking", |_, s| s.tickets = 19),
            ("a charge without a booking", |_, s| s.captures = 21),
            ("a seat sold twice", |_, s| s.oversold = 1),
            ("a seat that stays held", |_, s| s.held = 1),
        ];
        for (what, break_it) in breaks {
            let mut balance = booked();
            let Some(mut sold) = balance.sold.take() else {
                panic!("it is a booking");
            };
            break_it(&mut balance, &mut sold);
            balance.sold = Some(sold);
            assert!(!balance.holds(), "{what}");
        }
    }
}
