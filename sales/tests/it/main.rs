//! Sales that are counted from a real feed: pools that tell on a real Kafka, and a reading that is made again.
//!
//! Needs `DATABASE_URL` (`cargo xtask test` sets it) and a Kafka.
#![expect(clippy::unwrap_used, reason = "a failing fixture fails its test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use impresario_feed::{From, Reader, Seen, Sequences, topic};
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
    /// Pools that tell, with what was there before they did.
    async fn new() -> Option<World> {
        let world = World::silent().await?;
        world.tell();
        world.until_on().await;
        Some(world)
    }

    /// Pools that do not tell yet.
    async fn silent() -> Option<World> {
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
        Some(World {
            catalog,
            booking,
            sales,
            feed: Feed { brokers, prefix },
            stop: CancellationToken::new(),
        })
    }

    /// Has two processes of the catalogue and one of the bookings tell.
    fn tell(&self) {
        for (name, database) in [
            ("a", &self.catalog),
            ("b", &self.catalog),
            ("c", &self.booking),
        ] {
            let (database, feed) = (database.clone(), self.feed.clone());
            let stop = self.stop.clone();
            tokio::spawn(async move {
                let name = name.to_owned();
                telling::tell(database, feed.brokers, &feed.prefix, name, stop).await;
            });
        }
    }

    /// Waits until nothing waits to be told.
    async fn until_told(&self) {
        let end = Instant::now() + PATIENCE;
        for database in [&self.catalog, &self.booking] {
            loop {
                let behind = telling::behind(database).await.unwrap();
                if behind.rows == 0 {
                    break;
                }
                assert!(Instant::now() < end, "{behind:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
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

/// Sold before anybody told; more than are told at once.
const BEFORE: usize = 2_500;

/// Sells so many at once, one seat each, all of them for the first time.
async fn sell(world: &World, places: std::ops::Range<usize>) {
    let (from, to) = (places.start, places.end - 1);
    world
        .catalog_says(&format!(
            "insert into hold (hold_id, saga, event_id, seats, amount, currency, state, expires_at)
             select lpad(to_hex(n), 32, '0')::uuid, 's' || n, '{EVENT}', '[\"X1\"]', 100, 'EUR', 'sold', now()
               from generate_series({from}, {to}) n"
        ))
        .await;
    world
        .booking_says(&format!(
            "insert into booking (booking_ref, saga, tenant, event_id, customer_email, charge_id, amount, currency)
             select 'B' || n, 's' || n, 'main', '{EVENT}', 'ada@example.org', 'c', 100, 'EUR'
               from generate_series({from}, {to}) n"
        ))
        .await;
}

/// Gives some back, one after the other, as somebody else does meanwhile.
async fn give_back(world: &World, places: impl Iterator<Item = usize>) {
    for place in places {
        world.refund(place).await;
    }
}

/// What was told of each key, in order.
async fn told(world: &World) -> BTreeMap<String, Vec<String>> {
    let topics = ["catalog", "booking"].map(|about| topic(&world.feed.prefix, about));
    let mut reader = Reader::open(&world.feed.brokers, &topics, From::Beginning)
        .await
        .unwrap();
    let ends = reader.ends().await.unwrap();
    let (mut sequences, mut kinds) = (Sequences::whole(), BTreeMap::<String, Vec<String>>::new());
    while !reader.has_reached(&ends) {
        let told = tokio::time::timeout(PATIENCE, reader.next())
            .await
            .unwrap()
            .unwrap();
        match sequences.see(&told) {
            Seen::New => kinds.entry(told.key).or_default().push(told.kind),
            Seen::Again => {}
            wrong @ (Seen::Gap { .. } | Seen::Differs) => panic!("{wrong:?}: {told:?}"),
        }
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_and_what_changes_while_the_feed_is_turned_on_and_off_is_told_once() {
    let Some(world) = World::silent().await else {
        return;
    };
    sell(&world, 1..BEFORE + 1).await;
    // Turned on while customers give back what they have, from both ends.
    world.tell();
    tokio::join!(
        give_back(&world, 1..200),
        give_back(&world, (BEFORE - 200..=BEFORE).rev()),
        world.until_on(),
    );
    // Off, and on again.
    for database in [&world.catalog, &world.booking] {
        assert!(telling::turn_off(database).await.unwrap());
        assert!(!telling::is_on(database).await.unwrap());
    }
    give_back(&world, 300..320).await;
    sell(&world, BEFORE + 1..BEFORE + 100).await;
    tokio::join!(give_back(&world, 400..500), world.until_on());
    world.until_told().await;

    let told = told(&world).await;
    for (key, kinds) in &told {
        let again = kinds.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(again, None, "{key}: {kinds:?}");
    }
    let states: Vec<(String, String)> = sqlx::query_as(
        "select hold_id::text, 'impresario.catalog.seats-' || state || '.v1' from hold",
    )
    .fetch_all(world.catalog.pool())
    .await
    .unwrap();
    let mut kept = 0;
    for (hold, kind) in &states {
        // What was given back before anybody told is not told: nobody has heard of it.
        match told.get(hold).and_then(|kinds| kinds.last()) {
            Some(last) => assert_eq!(last, kind, "{hold}"),
            None => assert!(kind.contains("released"), "{hold} is {kind}"),
        }
        kept += usize::from(kind.contains("sold"));
    }
    let states: Vec<(String, String)> =
        sqlx::query_as("select booking_ref, 'impresario.booking.' || state || '.v1' from booking")
            .fetch_all(world.booking.pool())
            .await
            .unwrap();
    assert_eq!(states.len(), BEFORE + 99);
    for (booking, kind) in &states {
        let last = told.get(booking).and_then(|kinds| kinds.last());
        assert_eq!(last, Some(kind), "{booking}");
    }
    assert_eq!(kept, BEFORE + 99 - 199 - 201 - 20 - 100);
    world.stop.cancel();
}
