//! How full the house is: the seats of the next events, counted now and then.
//!
//! Every worker of the pool looks for itself; who shows them takes one worker's word. A count that is old is not shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use impresario_metrics::table::{EVENTS_ON_SALE, SEATS};
use impresario_metrics::{Readings, pull};
use impresario_worker_sdk::Database;
use tokio_util::sync::CancellationToken;

/// Seats of tens of thousands are counted: seldom.
const BEAT: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(2);
const KEPT: Duration = Duration::from_secs(95);

/// Events whose seats are counted at most.
const EVENTS_MAX: i64 = 100;

#[derive(Clone, Copy, Debug, sqlx::FromRow)]
struct House {
    events: i64,
    free: i64,
    held: i64,
    sold: i64,
}

/// Counts until `shutdown`, and shows what it has counted.
pub(crate) async fn run(database: Database, shutdown: CancellationToken) {
    let last: Arc<Mutex<Option<(Instant, House)>>> = Arc::default();
    let shown = last.clone();
    let _shown = pull(move |readings| {
        let last = *shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, house)) = last.filter(|(at, _)| at.elapsed() < KEPT) {
            house.show(readings);
        }
    });
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return,
        }
        wait = BEAT;
        match count(&database).await {
            Ok(house) => {
                let counted = Some((Instant::now(), house));
                *last.lock().unwrap_or_else(PoisonError::into_inner) = counted;
            }
            Err(error) => tracing::warn!(%error, "seats could not be counted"),
        }
    }
}

impl House {
    fn show(&self, readings: &mut Readings) {
        readings.gauge(&EVENTS_ON_SALE, [], self.events as f64);
        readings.gauge(&SEATS, ["free"], self.free as f64);
        readings.gauge(&SEATS, ["held"], self.held as f64);
        readings.gauge(&SEATS, ["sold"], self.sold as f64);
    }
}

async fn count(database: &Database) -> Result<House, sqlx::Error> {
    let database = database.clone();
    // In its own task: a statement that is dropped half-way would spoil its connection.
    let counted = tokio::spawn(async move {
        sqlx::query_as(
            "with next as (
                 select event_id from event
                  where state = 'on_sale' and starts_at > clock_timestamp()
                  order by starts_at, event_id limit $1
             )
             select (select count(*) from next) as events,
                    count(*) filter (where sold_at is not null) as sold,
                    count(*) filter (where sold_at is null and held_until > clock_timestamp()) as held,
                    count(*) filter (where sold_at is null
                                     and coalesce(held_until <= clock_timestamp(), true)) as free
               from seat where event_id in (select event_id from next)",
        )
        .bind(EVENTS_MAX)
        .fetch_one(database.pool())
        .await
    });
    counted
        .await
        .map_err(|panic| sqlx::Error::Protocol(panic.to_string()))?
}
