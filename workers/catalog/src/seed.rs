//! Demo events, for `impresario dev` and the benches. Idempotent: what is there stays as it is.
//!
//! Ids are fixed, so that documentation and tests can name them.

use impresario_worker_sdk::Database;
use uuid::{Uuid, uuid};

const MIDNIGHT_ORCHESTRA: Uuid = uuid!("0e7e0000-0000-4000-8000-000000000001");
const PAPER_MOONS: Uuid = uuid!("0e7e0000-0000-4000-8000-000000000002");
const SMALL_HOURS: Uuid = uuid!("0e7e0000-0000-4000-8000-000000000003");
const HOT_EVENT: Uuid = uuid!("0e7e0000-0000-4000-8000-0000000000ff");

/// What to seed besides the small events.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeedOptions {
    /// Adds one event that everybody wants, with 20,000 seats.
    pub hot_event: bool,
}

struct Event {
    event_id: Uuid,
    title: &'static str,
    venue: &'static str,
    in_days: i32,
    currency: &'static str,
    rows: i32,
    seats_per_row: i32,
    price_first_row: i64,
    price_last_row: i64,
}

const SMALL: [Event; 3] = [
    Event {
        event_id: MIDNIGHT_ORCHESTRA,
        title: "Midnight Orchestra",
        venue: "Old Customs House",
        in_days: 30,
        currency: "EUR",
        rows: 20,
        seats_per_row: 20,
        price_first_row: 9_500,
        price_last_row: 3_500,
    },
    Event {
        event_id: PAPER_MOONS,
        title: "Paper Moons",
        venue: "Harbour Stage",
        in_days: 45,
        currency: "EUR",
        rows: 10,
        seats_per_row: 16,
        price_first_row: 4_200,
        price_last_row: 2_400,
    },
    Event {
        event_id: SMALL_HOURS,
        title: "The Small Hours Quartet",
        venue: "Cellar Seven",
        in_days: 12,
        currency: "EUR",
        rows: 6,
        seats_per_row: 10,
        price_first_row: 2_800,
        price_last_row: 2_800,
    },
];

const HOT: Event = Event {
    event_id: HOT_EVENT,
    title: "Nova Lights: One Night Only",
    venue: "Grand Arena",
    in_days: 90,
    currency: "EUR",
    rows: 200,
    seats_per_row: 100,
    price_first_row: 18_000,
    price_last_row: 6_000,
};

/// Creates the demo events that are missing; their ids, hot one last.
pub async fn seed(database: &Database, options: SeedOptions) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut ids = Vec::new();
    for event in SMALL.iter().chain(options.hot_event.then_some(&HOT)) {
        plant(database, event).await?;
        ids.push(event.event_id);
    }
    Ok(ids)
}

async fn plant(database: &Database, event: &Event) -> Result<(), sqlx::Error> {
    // One statement, so an interrupted seeding leaves no event without seats. Rows are named A..Z, AA..ZZ;
    // prices fall evenly from the first row to the last.
    sqlx::query(
        "with e as (
             insert into event (event_id, title, venue, starts_at, currency)
             values ($1, $2, $3, date_trunc('hour', now()) + make_interval(days => $4), $5)
             on conflict (event_id) do nothing
             returning event_id
         )
         insert into seat (event_id, seat, section, price_amount)
         select e.event_id,
                case when r > 26 then chr(64 + (r - 1) / 26) else '' end
                    || chr(65 + (r - 1) % 26) || n,
                case when r <= $6 / 4 then 'front' when r <= $6 * 3 / 4 then 'middle' else 'rear' end,
                ($8 - ($8 - $9) * (r - 1) / greatest($6 - 1, 1)) / 100 * 100
           from e, generate_series(1, $6) as r, generate_series(1, $7) as n",
    )
    .bind(event.event_id)
    .bind(event.title)
    .bind(event.venue)
    .bind(event.in_days)
    .bind(event.currency)
    .bind(event.rows)
    .bind(event.seats_per_row)
    .bind(event.price_first_row)
    .bind(event.price_last_row)
    .execute(database.pool())
    .await?;
    Ok(())
}
