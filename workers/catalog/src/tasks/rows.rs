//! Locking, reading and writing seats and holds. Callers hold the transaction and decide.
//!
//! Every lock is taken in sorted order by one statement: `for update` locks above the sort.

use chrono::{DateTime, Utc};
use impresario_metrics::table::SEATS_CHANGED;
use impresario_worker_sdk::HandlerError;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::model::HoldState;

/// One seat of one event.
pub(crate) type SeatKey = (Uuid, String);

/// A locked seat.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) key: SeatKey,
    pub(crate) price_amount: i64,
    pub(crate) currency: String,
    pub(crate) on_sale: bool,
    pub(crate) hold_id: Option<Uuid>,
    /// Nobody has it now.
    pub(crate) free: bool,
    /// The database's clock when it was looked at: holds are timed by that clock alone.
    pub(crate) now: DateTime<Utc>,
}

/// Locks the seats that exist.
pub(crate) async fn seats_lock(
    tx: &mut PgConnection,
    keys: &[SeatKey],
) -> Result<Vec<Seat>, sqlx::Error> {
    let events: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
    let names: Vec<&str> = keys.iter().map(|key| key.1.as_str()).collect();
    let rows = sqlx::query(
        "select s.event_id, s.seat, s.price_amount, s.hold_id, e.currency,
                e.state = 'on_sale' as on_sale,
                coalesce(s.held_until <= clock_timestamp(), true) as free,
                clock_timestamp() as now
           from unnest($1::uuid[], $2::text[]) as k(event_id, seat)
           join seat s on s.event_id = k.event_id and s.seat = k.seat
           join event e on e.event_id = s.event_id
          order by s.event_id, s.seat
            for update of s",
    )
    .bind(events)
    .bind(names)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Seat {
                key: (row.try_get("event_id")?, row.try_get("seat")?),
                price_amount: row.try_get("price_amount")?,
                currency: row.try_get("currency")?,
                on_sale: row.try_get("on_sale")?,
                hold_id: row.try_get("hold_id")?,
                free: row.try_get("free")?,
                now: row.try_get("now")?,
            })
        })
        .collect()
}

/// Which of these events exist.
pub(crate) async fn events_known(
    tx: &mut PgConnection,
    events: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select event_id from event where event_id = any($1)")
        .bind(events)
        .fetch_all(tx)
        .await
}

/// A hold about to be written.
#[derive(Debug)]
pub(crate) struct NewHold {
    pub(crate) hold_id: Uuid,
    pub(crate) saga: String,
    pub(crate) event_id: Uuid,
    pub(crate) seats: Vec<String>,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Writes the holds and gives them their seats, which the caller has locked and found free.
pub(crate) async fn holds_insert(
    tx: &mut PgConnection,
    holds: &[NewHold],
) -> Result<(), HandlerError> {
    let seats: Vec<String> = holds
        .iter()
        .map(|hold| serde_json::json!(hold.seats).to_string())
        .collect();
    sqlx::query(
        "insert into hold (hold_id, saga, event_id, seats, amount, currency, state, expires_at)
         select h.hold_id, h.saga, h.event_id, h.seats::json, h.amount, h.currency, 'held', h.until
           from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::int8[], $6::text[],
                       $7::timestamptz[])
                as h(hold_id, saga, event_id, seats, amount, currency, until)",
    )
    .bind(holds.iter().map(|hold| hold.hold_id).collect::<Vec<_>>())
    .bind(
        holds
            .iter()
            .map(|hold| hold.saga.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(holds.iter().map(|hold| hold.event_id).collect::<Vec<_>>())
    .bind(seats)
    .bind(holds.iter().map(|hold| hold.amount).collect::<Vec<_>>())
    .bind(
        holds
            .iter()
            .map(|hold| hold.currency.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(holds.iter().map(|hold| hold.expires_at).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;

    let pairs: Vec<(&NewHold, &str)> = holds
        .iter()
        .flat_map(|hold| hold.seats.iter().map(move |seat| (hold, seat.as_str())))
        .collect();
    sqlx::query(
        "update seat s
            set hold_id = n.hold_id, held_until = n.until
           from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[])
                as n(event_id, seat, hold_id, until)
          where s.event_id = n.event_id and s.seat = n.seat",
    )
    .bind(pairs.iter().map(|pair| pair.0.event_id).collect::<Vec<_>>())
    .bind(pairs.iter().map(|pair| pair.1).collect::<Vec<_>>())
    .bind(pairs.iter().map(|pair| pair.0.hold_id).collect::<Vec<_>>())
    .bind(
        pairs
            .iter()
            .map(|pair| pair.0.expires_at)
            .collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    SEATS_CHANGED.with(["held"]).increment(pairs.len() as u64);
    Ok(())
}

/// A locked hold.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) hold_id: Uuid,
    pub(crate) saga: String,
    pub(crate) event_id: Uuid,
    pub(crate) seats: Vec<String>,
    pub(crate) state: HoldState,
    /// Its time is over (a pinned or sold one has no such time).
    pub(crate) expired: bool,
}

impl Hold {
    pub(crate) fn seat_keys(&self) -> impl Iterator<Item = SeatKey> {
        self.seats.iter().map(|seat| (self.event_id, seat.clone()))
    }
}

/// Locks the holds that exist.
pub(crate) async fn holds_lock(
    tx: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<Hold>, HandlerError> {
    let rows = sqlx::query(
        "select hold_id, saga, event_id, seats, state,
                state = 'held' and expires_at <= clock_timestamp() as expired
           from hold
          where hold_id = any($1)
          order by hold_id
            for update",
    )
    .bind(ids)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            let seats: Json<Vec<String>> = row.try_get("seats")?;
            let state: String = row.try_get("state")?;
            Ok(Hold {
                hold_id: row.try_get("hold_id")?,
                saga: row.try_get("saga")?,
                event_id: row.try_get("event_id")?,
                seats: seats.0,
                state: state.parse()?,
                expired: row.try_get("expired")?,
            })
        })
        .collect()
}

/// Moves locked holds to another state.
pub(crate) async fn holds_set_state(
    tx: &mut PgConnection,
    ids: &[Uuid],
    state: HoldState,
) -> Result<(), sqlx::Error> {
    sqlx::query("update hold set state = $2 where hold_id = any($1)")
        .bind(ids)
        .bind(state.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps the seats of these holds for good (the caller has locked them), as pinned or as sold.
pub(crate) async fn seats_keep(
    tx: &mut PgConnection,
    keys: &[SeatKey],
    sold: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update seat s
            set held_until = 'infinity', sold_at = case when $3 then clock_timestamp() end
           from unnest($1::uuid[], $2::text[]) as k(event_id, seat)
          where s.event_id = k.event_id and s.seat = k.seat",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1.as_str()).collect::<Vec<_>>())
    .bind(sold)
    .execute(tx)
    .await?;
    let change = if sold { "sold" } else { "pinned" };
    SEATS_CHANGED.with([change]).increment(keys.len() as u64);
    Ok(())
}

/// Frees those seats of the holds that still belong to them: another saga may have taken over the rest. One
/// statement for all holds, so that their seats are locked in the one order that everybody keeps.
pub(crate) async fn seats_free(tx: &mut PgConnection, holds: &[Hold]) -> Result<u64, sqlx::Error> {
    let owned: Vec<(Uuid, &str, Uuid)> = holds
        .iter()
        .flat_map(|hold| {
            hold.seats
                .iter()
                .map(move |seat| (hold.event_id, seat.as_str(), hold.hold_id))
        })
        .collect();
    let freed = sqlx::query(
        "with mine as (
             select s.event_id, s.seat
               from unnest($1::uuid[], $2::text[], $3::uuid[]) as k(event_id, seat, hold_id)
               join seat s on s.event_id = k.event_id and s.seat = k.seat
              where s.hold_id = k.hold_id and s.sold_at is null
              order by s.event_id, s.seat
                for update of s
         )
         update seat s
            set hold_id = null, held_until = null
           from mine
          where s.event_id = mine.event_id and s.seat = mine.seat",
    )
    .bind(owned.iter().map(|owned| owned.0).collect::<Vec<_>>())
    .bind(owned.iter().map(|owned| owned.1).collect::<Vec<_>>())
    .bind(owned.iter().map(|owned| owned.2).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(freed.rows_affected())
}

/// Makes the seats of a sold hold free that still belong to it; the caller has locked the hold.
pub(crate) async fn seats_unsell(tx: &mut PgConnection, hold: &Hold) -> Result<u64, sqlx::Error> {
    let freed = sqlx::query(
        "with mine as (
             select event_id, seat
               from seat
              where event_id = $1 and seat = any($2) and hold_id = $3
              order by event_id, seat
                for update
         )
         update seat s
            set hold_id = null, held_until = null, sold_at = null
           from mine
          where s.event_id = mine.event_id and s.seat = mine.seat",
    )
    .bind(hold.event_id)
    .bind(&hold.seats)
    .bind(hold.hold_id)
    .execute(tx)
    .await?;
    let freed = freed.rows_affected();
    SEATS_CHANGED.with(["released"]).increment(freed);
    Ok(freed)
}
