//! Loading sagas: the row and the whole journal, folded.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use impresario_workflows::saga::{Event, State, evolve};
use impresario_workflows::{Definition, Millis, SagaId};
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;
use super::definitions::Catalogue;
use super::row::Body;

/// A saga as stored.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its id.
    pub id: SagaId,
    /// Its tenant.
    pub tenant: String,
    /// The definition it is pinned to: the last one that its journal names.
    pub definition: Arc<Definition>,
    /// Its results partition.
    pub partition: u16,
    /// Its stored status.
    pub status: String,
    /// Its stored wake-up.
    pub wake_at: Option<Millis>,
    /// Number of its last journal row.
    pub seq: i32,
    /// The journal, folded.
    pub state: State,
}

type SagaRow = (Uuid, String, i32, i16, String, Option<DateTime<Utc>>);

/// Loads these sagas; one that does not exist is missing, one that this binary cannot read is an error of its
/// own and harms no other.
pub async fn load(
    pool: &PgPool,
    catalogue: &Catalogue,
    ids: &[SagaId],
) -> Result<HashMap<SagaId, Result<Loaded, Error>>, Error> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // The journal is read after the row: a row is at least as old as the journal that is folded, and what is
    // decided on it is guarded by the journal's seq.
    let rows: Vec<SagaRow> = sqlx::query_as(
        "select id, tenant, definition_id, partition, status, wake_at from saga where id = any($1)",
    )
    .bind(&uuids)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("load saga rows"))?;
    let journal: Vec<(Uuid, i32, Vec<u8>)> = sqlx::query_as(
        "select saga_id, seq, body from journal where saga_id = any($1) order by saga_id, seq",
    )
    .bind(&uuids)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("load journals"))?;
    let mut journals: HashMap<Uuid, Vec<(i32, Vec<u8>)>> = HashMap::new();
    for (saga, seq, body) in journal {
        journals.entry(saga).or_default().push((seq, body));
    }
    let mut loaded = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = SagaId(row.0);
        let journal = journals.remove(&row.0).unwrap_or_default();
        loaded.insert(id, fold(pool, catalogue, row, journal).await);
    }
    Ok(loaded)
}

/// Loads one saga.
pub async fn load_one(
    pool: &PgPool,
    catalogue: &Catalogue,
    id: SagaId,
) -> Result<Option<Loaded>, Error> {
    load(pool, catalogue, &[id]).await?.remove(&id).transpose()
}

async fn fold(
    pool: &PgPool,
    catalogue: &Catalogue,
    row: SagaRow,
    journal: Vec<(i32, Vec<u8>)>,
) -> Result<Loaded, Error> {
    let (uuid, tenant, definition_id, partition, status, wake_at) = row;
    let id = SagaId(uuid);
    let rows = journal
        .iter()
        .map(|(seq, body)| {
            let body: Body = serde_json::from_slice(body).map_err(|source| Error::Journal {
                saga: id,
                seq: *seq,
                source,
            })?;
            Ok((*seq, body))
        })
        .collect::<Result<Vec<(i32, Body)>, Error>>()?;
    // The row may be older than the journal, and names one version only; the journal names them all. Without a change
    // of version in it, the row is right.
    let mut facts = rows.iter().flat_map(|(_, body)| &body.events);
    let mut definition = match facts.find_map(Event::versions) {
        Some((begun_under, _)) => catalogue.of_hash(pool, begun_under).await?,
        None => catalogue.get(pool, definition_id).await?,
    };
    let mut state = State::unborn(&id.to_string(), &definition);
    let mut last = 0;
    for (seq, body) in rows {
        for event in &body.events {
            if let Some((_, goes_on_under)) = event.versions() {
                definition = catalogue.of_hash(pool, goes_on_under).await?;
            }
            evolve(&definition, &mut state, event).map_err(|error| Error::Journal {
                saga: id,
                seq,
                source: serde::de::Error::custom(error),
            })?;
        }
        last = seq;
    }
    Ok(Loaded {
        id,
        tenant,
        definition,
        partition: u16::try_from(partition).unwrap_or_default(),
        status,
        wake_at: wake_at.map(millis),
        seq: last,
        state,
    })
}

/// Milliseconds since the epoch; instants before it do not occur.
pub fn millis(at: DateTime<Utc>) -> Millis {
    u64::try_from(at.timestamp_millis()).unwrap_or_default()
}

/// The instant as the driver wants it.
pub fn instant(at: Millis) -> DateTime<Utc> {
    let ms = i64::try_from(at).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The sagas of this definition and business key that have not ended: two at most, for one is what is asked for.
pub async fn open_by_key(
    pool: &PgPool,
    tenant: &str,
    definition: &str,
    business_key: &str,
) -> Result<Vec<SagaId>, Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "select s.id from saga s join definition d on d.id = s.definition_id
         where s.business_key = $3 and s.tenant = $1 and d.name = $2 and s.ended_at is null
         order by s.started_at desc limit 2",
    )
    .bind(tenant)
    .bind(definition)
    .bind(business_key)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("find a saga by its business key"))?;
    Ok(found.into_iter().map(SagaId).collect())
}
