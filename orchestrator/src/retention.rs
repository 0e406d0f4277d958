//! The loop that drops old days, and says which ones open sagas keep.
//!
//! Slow on purpose: nothing waits for it, and one replica at a time is enough. A day that stays although its
//! retention is over is told each time, with how many sagas keep it: they are what somebody should look at.

use std::time::Duration;

use impresario_metrics::table::DAYS_DROPPED;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::measure::Standing;
use crate::store::{Database, retention};

/// After the start: what runs the sagas comes first.
const FIRST: Duration = Duration::from_secs(60);

/// Then this often.
const EVERY: Duration = Duration::from_secs(3600);

/// Drops until `stop` what is older than `retain_days`; nothing without it.
pub(crate) async fn run(
    database: Database,
    clock: Clock,
    retain_days: Option<u32>,
    standing: Standing,
    stop: CancellationToken,
) {
    let Some(retain_days) = retain_days else {
        return;
    };
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
        wait = EVERY;
        match retention::turn(&database, clock.now(), retain_days).await {
            Ok(Some(turn)) => tell(&turn, &standing),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = ?error, "cannot drop old days; trying again in an hour");
            }
        }
    }
}

fn tell(turn: &retention::Turn, standing: &Standing) {
    DAYS_DROPPED.add(turn.dropped.len() as u64);
    standing.days_kept_open(turn.kept_open.len());
    if !turn.dropped.is_empty() {
        tracing::info!(days = ?turn.dropped, "dropped days whose sagas have all ended");
    }
    for (day, open) in &turn.kept_open {
        tracing::warn!(day, open, "open sagas keep a day past its retention");
    }
}
