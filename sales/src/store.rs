//! The sums, what they are made of, and how far the feed has been read: always in one transaction.

use std::collections::{BTreeMap, HashMap};

use impresario_feed::Told;
use impresario_worker_sdk::Database;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use crate::error::Error;
use crate::meaning::{self, Meaning};

/// Where a generation goes on reading, by topic and partition.
pub(crate) type Places = BTreeMap<(String, i32), i64>;

/// The sales of all events, and which reading of the feed they come from.
#[derive(Debug, Default, Serialize)]
pub struct Sales {
    /// The generation; a rebuilt one has a higher number.
    pub generation: i32,
    /// By event, soonest first.
    pub data: Vec<Row>,
}

/// The sales of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The event.
    pub event_id: String,
    /// Its title, once it was told.
    pub title: Option<String>,
    /// When it begins.
    pub starts_at: Option<String>,
    /// `on_sale`, `closed` or `cancelled`.
    pub state: Option<String>,
    /// All its seats.
    pub seats: i64,
    /// Those that nobody holds.
    pub seats_left: i64,
    /// Bookings that have not been given back.
    pub bookings: i64,
    /// What they bring, in minor units.
    pub revenue: i64,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// Events shown at most.
const ROWS_MAX: i64 = 1_000;

fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Store { doing, source }
}

/// What is served now; nothing before the first reading. One statement, so that a generation which is just being
/// replaced is seen whole or not at all.
pub(crate) async fn sales(pool: &PgPool) -> Result<Option<Sales>, Error> {
    let found: Option<(i32, sqlx::types::Json<Vec<Row>>)> = sqlx::query_as(
        "select g.id, coalesce((
                    select json_agg(r order by r.starts_at nulls last, r.event_id) from (
                        select event_id, title, starts_at, state, seats,
                               greatest(seats - taken, 0) as seats_left, bookings, revenue, currency
                          from event where generation = g.id
                         order by starts_at nulls last, event_id limit $1) r
                ), '[]')
           from generation g where g.is_served",
    )
    .bind(ROWS_MAX)
    .fetch_optional(pool)
    .await
    .map_err(failed("read"))?;
    Ok(found.map(|(generation, rows)| Sales {
        generation,
        data: rows.0,
    }))
}

/// The generation that is served.
pub(crate) async fn served(pool: &PgPool) -> Result<Option<i32>, Error> {
    sqlx::query_scalar("select id from generation where is_served")
        .fetch_optional(pool)
        .await
        .map_err(failed("look for"))
}

/// A new generation that has read nothing. The first one is served at once: there is nothing better.
pub(crate) async fn begin(pool: &PgPool) -> Result<i32, Error> {
    sqlx::query_scalar(
        "insert into generation (is_served)
         select not exists (select from generation where is_served) returning id",
    )
    .fetch_one(pool)
    .await
    .map_err(failed("begin to read"))
}

/// Where a generation goes on.
pub(crate) async fn places(pool: &PgPool, generation: i32) -> Result<Places, Error> {
    let rows: Vec<(String, i32, i64)> =
        sqlx::query_as("select topic, partition, next from place where generation = $1")
            .bind(generation)
            .fetch_all(pool)
            .await
            .map_err(failed("find the place of"))?;
    Ok(rows
        .into_iter()
        .map(|(topic, partition, next)| ((topic, partition), next))
        .collect())
}

/// The new generation takes the place of the one that is served, and whatever else was begun goes.
pub(crate) async fn serve(database: &Database, generation: i32) -> Result<(), Error> {
    let database = database.clone();
    let served = tokio::spawn(async move {
        let mut tx = database.begin().await?;
        sqlx::query("update generation set is_served = false where is_served and id <> $1")
            .bind(generation)
            .execute(&mut *tx)
            .await?;
        sqlx::query("update generation set is_served = true where id = $1")
            .bind(generation)
            .execute(&mut *tx)
            .await?;
        sqlx::query("delete from generation where id < $1")
            .bind(generation)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    });
    ended(served).await.map_err(failed("change"))
}

/// What became of some events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// They are counted.
    Yes,
    /// Somebody else has read on, or the generation is gone: begin again where it is now.
    Overtaken,
}

/// Counts events that were read from these places on.
pub(crate) async fn apply(
    database: &Database,
    generation: i32,
    before: &Places,
    events: Vec<Told>,
) -> Result<Applied, Error> {
    let mut changes = Vec::with_capacity(events.len());
    for told in &events {
        changes.push(meaning::of(told)?);
    }
    let (database, before) = (database.clone(), before.clone());
    // A task of its own: a transaction is not cut off in the middle.
    let applied = tokio::spawn(async move {
        let mut tx = database.begin().await.map_err(failed("write"))?;
        if !is_next(&mut tx, generation, &before, &events).await? {
            return Ok(Applied::Overtaken);
        }
        count(&mut tx, generation, &events, changes).await?;
        move_on(&mut tx, generation, &events).await?;
        tx.commit().await.map_err(failed("write"))?;
        Ok(Applied::Yes)
    });
    applied
        .await
        .unwrap_or_else(|panic| Err(failed("write")(sqlx::Error::Protocol(panic.to_string()))))
}

/// Whether the generation is still where it was read to; nobody else moves it until we are done.
async fn is_next(
    tx: &mut PgConnection,
    generation: i32,
    before: &Places,
    events: &[Told],
) -> Result<bool, Error> {
    let there = sqlx::query("select from generation where id = $1 for update")
        .bind(generation)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("lock"))?;
    if there.is_none() {
        return Ok(false);
    }
    let rows: Vec<(String, i32, i64)> =
        sqlx::query_as("select topic, partition, next from place where generation = $1")
            .bind(generation)
            .fetch_all(tx)
            .await
            .map_err(failed("find the place of"))?;
    let stored: Places = rows
        .into_iter()
        .map(|(topic, partition, next)| ((topic, partition), next))
        .collect();
    Ok(events.iter().all(|told| {
        let place = (told.topic.clone(), told.partition);
        stored.get(&place).copied() == before.get(&place).copied()
    }))
}

/// What is known of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    last: i64,
    event_id: Option<String>,
    taken: i64,
    bookings: i64,
    revenue: i64,
}

/// What changes of one event.
#[derive(Clone, Debug, Default)]
struct Change {
    told: Option<(meaning::EventData, &'static str)>,
    seats: i64,
    taken: i64,
    bookings: i64,
    revenue: i64,
}

async fn count(
    tx: &mut PgConnection,
    generation: i32,
    events: &[Told],
    meanings: Vec<Meaning>,
) -> Result<(), Error> {
    let mut known = known(tx, generation, events).await?;
    let mut sums: BTreeMap<String, Change> = BTreeMap::new();
    for (told, meaning) in events.iter().zip(meanings) {
        // A key may begin in its middle, where the feed was turned on or the topic begins; from there on it is dense.
        let key = known.entry(told.key.clone()).or_insert_with(|| Known {
            last: told.sequence - 1,
            ..Known::default()
        });
        if told.sequence <= key.last {
            continue;
        }
        if told.sequence > key.last + 1 {
            return Err(Error::Gap {
                key: told.key.clone(),
                expected: key.last + 1,
                found: told.sequence,
            });
        }
        key.last = told.sequence;
        change(key, &mut sums, meaning);
    }
    write_known(tx, generation, &known).await?;
    for (event_id, change) in sums {
        write_sum(tx, generation, &event_id, change).await?;
    }
    Ok(())
}

fn change(key: &mut Known, sums: &mut BTreeMap<String, Change>, meaning: Meaning) {
    match meaning {
        Meaning::Hold { event_id, taken } => {
            let sum = sums.entry(event_id.clone()).or_default();
            sum.taken += taken - key.taken;
            (key.taken, key.event_id) = (taken, Some(event_id));
        }
        Meaning::Booking {
            event_id,
            bookings,
            revenue,
        } => {
            let sum = sums.entry(event_id.clone()).or_default();
            sum.bookings += bookings - key.bookings;
            sum.revenue += revenue - key.revenue;
            (key.bookings, key.revenue, key.event_id) = (bookings, revenue, Some(event_id));
        }
        Meaning::Event(data, state) => {
            let sum = sums.entry(data.event_id.clone()).or_default();
            sum.told = Some((data, state));
        }
        Meaning::Seats { event_id, more } => sums.entry(event_id).or_default().seats += more,
        Meaning::Nothing => {}
    }
}

type KnownRow = (String, i64, Option<String>, i64, i64, i64);

async fn known(
    tx: &mut PgConnection,
    generation: i32,
    events: &[Told],
) -> Result<HashMap<String, Known>, Error> {
    let keys: Vec<&str> = events.iter().map(|told| told.key.as_str()).collect();
    let rows: Vec<KnownRow> = sqlx::query_as(
        "select key, last, event_id, taken, bookings, revenue from known
          where generation = $1 and key = any($2)",
    )
    .bind(generation)
    .bind(keys)
    .fetch_all(tx)
    .await
    .map_err(failed("read what is known for"))?;
    Ok(rows
        .into_iter()
        .map(|(key, last, event_id, taken, bookings, revenue)| {
            let known = Known {
                last,
                event_id,
                taken,
                bookings,
                revenue,
            };
            (key, known)
        })
        .collect())
}

async fn write_known(
    tx: &mut PgConnection,
    generation: i32,
    known: &HashMap<String, Known>,
) -> Result<(), Error> {
    let rows: Vec<(&String, &Known)> = known.iter().collect();
    let numbers =
        |of: fn(&Known) -> i64| rows.iter().map(|(_, known)| of(known)).collect::<Vec<_>>();
    sqlx::query(
        "insert into known (generation, key, last, event_id, taken, bookings, revenue)
         select $1, k.* from unnest($2::text[], $3::int8[], $4::text[], $5::int8[], $6::int8[], $7::int8[]) as k
         on conflict (generation, key) do update
         set last = excluded.last, event_id = excluded.event_id, taken = excluded.taken,
             bookings = excluded.bookings, revenue = excluded.revenue",
    )
    .bind(generation)
    .bind(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(numbers(|known| known.last))
    .bind(rows.iter().map(|(_, known)| known.event_id.as_deref()).collect::<Vec<_>>())
    .bind(numbers(|known| known.taken))
    .bind(numbers(|known| known.bookings))
    .bind(numbers(|known| known.revenue))
    .execute(tx)
    .await
    .map(drop)
    .map_err(failed("write what is known for"))
}

async fn write_sum(
    tx: &mut PgConnection,
    generation: i32,
    event_id: &str,
    change: Change,
) -> Result<(), Error> {
    let (data, state) = change.told.unzip();
    sqlx::query(
        "insert into event as e (generation, event_id, title, starts_at, currency, state, seats, taken, bookings,
                                 revenue)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (generation, event_id) do update
         set title = coalesce(excluded.title, e.title), starts_at = coalesce(excluded.starts_at, e.starts_at),
             currency = coalesce(excluded.currency, e.currency), state = coalesce(excluded.state, e.state),
             seats = e.seats + excluded.seats, taken = e.taken + excluded.taken,
             bookings = e.bookings + excluded.bookings, revenue = e.revenue + excluded.revenue",
    )
    .bind(generation)
    .bind(event_id)
    .bind(data.as_ref().map(|data| data.title.as_str()))
    .bind(data.as_ref().map(|data| data.starts_at.as_str()))
    .bind(data.as_ref().map(|data| data.currency.as_str()))
    .bind(state)
    .bind(change.seats)
    .bind(change.taken)
    .bind(change.bookings)
    .bind(change.revenue)
    .execute(tx)
    .await
    .map(drop)
    .map_err(failed("write the sums of"))
}

async fn move_on(tx: &mut PgConnection, generation: i32, events: &[Told]) -> Result<(), Error> {
    let places: Places = events
        .iter()
        .map(|told| ((told.topic.clone(), told.partition), told.offset + 1))
        .collect();
    for ((topic, partition), next) in places {
        sqlx::query(
            "insert into place (generation, topic, partition, next) values ($1, $2, $3, $4)
             on conflict (generation, topic, partition) do update set next = excluded.next",
        )
        .bind(generation)
        .bind(topic)
        .bind(partition)
        .bind(next)
        .execute(&mut *tx)
        .await
        .map_err(failed("write the place of"))?;
    }
    Ok(())
}

async fn ended(task: tokio::task::JoinHandle<Result<(), sqlx::Error>>) -> Result<(), sqlx::Error> {
    task.await
        .unwrap_or_else(|panic| Err(sqlx::Error::Protocol(panic.to_string())))
}
