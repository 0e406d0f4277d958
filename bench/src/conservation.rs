//! Nothing lost and nothing made up: what was acknowledged over HTTP is what Postgres holds.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Outcome;
use crate::http::{self, Connection};
use crate::options::Options;
use crate::platform::Platform;
use crate::work::{self, Work};

/// Sagas whose answer we did not get go on by themselves; they are waited for.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Both sides of the account.
#[derive(Debug, Serialize)]
pub(crate) struct Balance {
    pub(crate) acknowledged: u64,
    pub(crate) unsure: u64,
    pub(crate) completed_in_postgres: u64,
    pub(crate) still_open: u64,
    /// Seats that are no longer free, one for each booking; none when the variant books none.
    pub(crate) seats_taken: Option<u64>,
}

impl Balance {
    /// Every acknowledged saga is completed, and beyond them at most those whose answer we did not get.
    pub(crate) fn holds(&self) -> bool {
        let range = self.acknowledged..=self.acknowledged + self.unsure;
        range.contains(&self.completed_in_postgres)
            && self.seats_taken.is_none_or(|seats| range.contains(&seats))
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
        seats_taken: seats_taken(platform, work).await?,
    })
}

async fn seats_taken(platform: &Platform, work: &Work) -> Outcome<Option<u64>> {
    if work.event().is_empty() {
        return Ok(None);
    }
    let mut connection = Connection::open(platform.api()).await?;
    let path = format!("/v1/events/{}/seats", work.event());
    let seats = http::list(&mut connection, &path).await?;
    Ok(Some(
        seats.iter().filter(|seat| !work::is_free(seat)).count() as u64,
    ))
}
