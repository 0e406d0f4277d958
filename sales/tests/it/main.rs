//! Sales that are counted from a real feed: pools that tell on a real Kafka, and a reading that is made again.
//!
//! Needs `DATABASE_URL` (`cargo xtask test` sets it) and a Kafka.
#![expect(clippy::unwrap_used, reason = "a failing fixture fails its test")]

use std::time::{Duration, Instant};

use impresario_sales::{Feed, Row, Sales, follow, rebuild};
use impresario_services::shared;
use impresario_worker_sdk::{Database, telling};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;

const EVENT: &str = "0e7e0000-0000-4000-8000-000000000003";

/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pools that tell, and a schema for the sales.
struct World {
    catalog: Database,
    booking: Database,
    sales: Database,
    feed: Feed,
    stop: CancellationToken,
}

impl World {
    async fn new() -> Option<World> {
        let brokers = shared::kafka_url().unwrap()?;
        let server = shared::database_url().unwrap()?;
        let name = format!("sales_{}", uuid::Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("create database {name}"));
        admin.execute(sqlx::raw_sql(create)).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        let url = format!("{before}/{name}");
        let catalog = impresario_catalog::database(&url).unwrap();
        impresario_catalog::migrate(&catalog).await.unwrap();
        let booking = impresario_booking::database(&url).unwrap();
        impresario_booking::migrate(&booking).await.unwrap();
        let sales = impresario_sales::database(&url).unwrap();
        impresario_sales::migrate(&sales).await.unwrap();
        // Before the feed is.
        impresario_catalog::seed(&catalog, impresario_catalog::SeedOptions::default())
            .await
            .unwrap();
        let prefix = name.replace('_', "-");
        let stop = CancellationToken::new();
        for (pool, database) in [("a", &catalog), ("b", &catalog), ("c", &booking)] {
            let (database, brokers, prefix) = (database.clone(), brokers.clone(), prefix.clone());
            let stop = stop.clone();
            tokio::spawn(async move {
                telling::tell(database, brokers, &prefix, pool.to_owned(), stop).await;
            });
        }
        let world = World {
            catalog,
            booking,
            sales,
            feed: Feed { brokers, prefix },
            stop,
        };
        world.until_on().await;
        Some(world)
    }

    /// Both pools write down what happens.
    async fn until_on(&self) {
        for database in [&self.catalog, &self.booking] {
            let end = Instant::now() + PATIENCE;
            while telling::turn_on(database).await.is_err() {
                assert!(Instant::now() < end, "the feed cannot be turned on");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn book(&self, place: usize, seats: &[&str], amount: i64) {
        let hold = uuid::Uuid::from_u128(place as u128);
        self.catalog_says(&format!(
            "insert into hold (hold_id, saga, event_id, seats, amount, currency, state, expires_at)
             values ('{hold}', 's{place}', '{EVENT}', '{}', {amount}, 'EUR', 'held', now())",
            serde_json::to_string(seats).unwrap()
        ))
        .await;
        self.catalog_says(&format!(
            "update hold set state = 'sold' where hold_id = '{hold}'"
        ))
        .await;
        self.booking_says(&format!(
            "insert into booking (booking_ref, saga, tenant, event_id, hold_id, customer_email, charge_id, amount, currency)
             values ('B{place}', 's{place}', 'main', '{EVENT}', '{hold}', 'ada@example.org', 'c', {amount}, 'EUR')"
        ))
        .await;
    }

    async fn refund(&self, place: usize) {
        let hold = uuid::Uuid::from_u128(place as u128);
        for state in ["refunding", "refunded"] {
            self.booking_says(&format!(
                "update booking set state = '{state}', refund_saga = 'r' where booking_ref = 'B{place}'"
            ))
            .await;
        }
        self.catalog_says(&format!(
            "update hold set state = 'released' where hold_id = '{hold}'"
        ))
        .await;
    }

    async fn catalog_says(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(self.catalog.pool()).await.unwrap();
    }

    async fn booking_says(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(self.booking.pool()).await.unwrap();
    }

    async fn sales(&self) -> Option<Sales> {
        impresario_sales::sales(&self.sales).await.unwrap()
    }

    /// Waits until the event's sums are these.
    async fn until_sold(&self, bookings: i64, revenue: i64, seats_left: i64) -> Sales {
        let end = Instant::now() + PATIENCE;
        loop {
            let sales = self.sales().await;
            let row = sales.as_ref().and_then(of_event);
            if let (Some(sales), Some(row)) = (&sales, row)
                && (row.bookings, row.revenue, row.seats_left) == (bookings, revenue, seats_left)
            {
                return Sales {
                    generation: sales.generation,
                    data: sales.data.clone(),
                };
            }
            assert!(Instant::now() < end, "{sales:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn of_event(sales: &Sales) -> Option<&Row> {
    sales.data.iter().find(|row| row.event_id == EVENT)
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_follow_the_feed_and_are_made_again_while_the_old_ones_are_served() {
    let Some(world) = World::new().await else {
        return;
    };
    // Two that do not know of each other count the same feed, once.
    for _ in 0..2 {
        let (database, feed) = (world.sales.clone(), world.feed.clone());
        tokio::spawn(follow(database, feed, world.stop.clone()));
    }
    world.book(1, &["A1", "A2"], 5_600).await;
    world.book(2, &["B1"], 2_800).await;
    world.until_sold(2, 8_400, 57).await;
    world.refund(1).await;
    let before = world.until_sold(1, 2_800, 59).await;

    // Somebody has broken the sums; the feed knows better.
    sqlx::query("update event set revenue = 1, bookings = 77")
        .execute(world.sales.pool())
        .await
        .unwrap();
    let (database, feed) = (world.sales.clone(), world.feed.clone());
    let rebuilt = tokio::spawn(async move { rebuild(&database, &feed).await });
    while !rebuilt.is_finished() {
        let served = world.sales().await.expect("something is served");
        assert_eq!(served.data.len(), 3, "half of something is served");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(rebuilt.await.unwrap().unwrap() > before.generation);
    world.book(3, &["C1"], 2_800).await;
    let after = world.until_sold(2, 5_600, 58).await;
    assert!(after.generation > before.generation);
    assert_eq!(
        of_event(&after).unwrap().title.as_deref(),
        Some("The Small Hours Quartet")
    );
    world.stop.cancel();
}
