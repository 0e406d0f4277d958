//! Nothing lost and nothing made up: what was acknowledged over HTTP is what Postgres holds.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Outcome;
use crate::options::{Options, Variant};
use crate::platform::Platform;
use crate::seats;
use crate::work::Work;

/// Sagas whose answer we did not get go on by themselves; they are waited for.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Both sides of the account.
#[derive(Debug, Serialize)]
pub(crate) struct Balance {
    pub(crate) acknowledged: u64,
    pub(crate) unsure: u64,
    pub(crate) completed_in_postgres: u64,
    pub(crate) still_open: u64,
    /// Seats that are sold, one for each booking; none when the variant books none.
    pub(crate) seats_sold: Option<u64>,
}

impl Balance {
    /// Every acknowledged saga is completed, and beyond them at most those whose answer we did not get.
    pub(crate) fn holds(&self) -> bool {
        let range = self.acknowledged..=self.acknowledged + self.unsure;
        range.contains(&self.completed_in_postgres)
            && self.seats_sold.is_none_or(|seats| range.contains(&seats))
    }
}

/// Waits for the open sagas, then counts.
pub(crate) async fn check(options: &Options, platform: &Platform, work: &Work) -> Outcome<Balance> {
    let deadline = Instant::now() + SETTLE_PATIENCE;
    let mut still_open = platform.count(&options.open_sql)?;
    while still_open > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
        still_open = platform.count(&options.open_sql)?;
    }
    Ok(Balance {
        acknowledged: work.acknowledged.load(Ordering::Relaxed),
        unsure: work.unsure.load(Ordering::Relaxed),
        completed_in_postgres: platform.count(&options.completed_sql)?,
        still_open,
        seats_sold: match options.variant {
            Variant::Trivial => None,
            Variant::Booking => Some(seats::sold(platform)?),
        },
    })
}
