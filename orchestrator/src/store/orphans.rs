//! Which sagas the database knows: for effects whose saga it may have lost.
//!
//! Asked of the database alone: whoever remembers a saga may remember one that is lost. A saga is known when there is one
//! with its effect keys, whichever day it was started on: a start that was repeated later is another saga with the same
//! effects.

use std::collections::{BTreeSet, HashSet};

use impresario_workflows::{Millis, SagaId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Those of `ids` that the database knows at `now`.
pub async fn known(
    connection: &mut PgConnection,
    ids: &[SagaId],
    now: Millis,
) -> Result<HashSet<SagaId>, Error> {
    let mut known = of_day(connection, ids.iter().map(|id| (*id, *id)), None).await?;
    let mut rest: Vec<SagaId> = ids.to_vec();
    rest.retain(|id| !known.contains(id));
    let Some(first) = rest.iter().map(|id| id.day()).min() else {
        return Ok(known);
    };
    // A day ahead: another replica's clock may be there already. One look a day, for each goes to one partition.
    for day in first..=SagaId::day_of(now).saturating_add(1) {
        let on_that_day = rest
            .iter()
            .filter(|id| id.day() <= day)
            .map(|id| (*id, id.on_day(day)));
        let found = of_day(connection, on_that_day, Some(day)).await?;
        rest.retain(|id| !found.contains(id));
        known.extend(found);
    }
    Ok(known)
}

/// Those whose other id is there.
async fn of_day(
    connection: &mut PgConnection,
    sought: impl Iterator<Item = (SagaId, SagaId)>,
    day: Option<u32>,
) -> Result<HashSet<SagaId>, Error> {
    let sought: Vec<(SagaId, SagaId)> = sought.collect();
    let others: Vec<Uuid> = sought.iter().map(|(_, other)| other.0).collect();
    let found: Vec<Uuid> = sqlx::query_scalar(
        "select id from saga
         where id = any($1) and ($2::uuid is null or id >= $2) and ($3::uuid is null or id < $3)",
    )
    .bind(&others)
    .bind(day.map(SagaId::first_of_day))
    .bind(day.map(|day| SagaId::first_of_day(day.saturating_add(1))))
    .fetch_all(connection)
    .await
    .map_err(Error::doing("ask which sagas are known"))?;
    let found: HashSet<Uuid> = found.into_iter().collect();
    Ok(sought
        .into_iter()
        .filter(|(_, other)| found.contains(&other.0))
        .map(|(id, _)| id)
        .collect())
}

/// Those of `days` whose sagas have all ended and are no longer kept: what is missing there was not lost.
pub async fn dropped(
    connection: &mut PgConnection,
    days: &BTreeSet<u32>,
) -> Result<HashSet<u32>, Error> {
    let days: Vec<i32> = days
        .iter()
        .filter_map(|day| i32::try_from(*day).ok())
        .collect();
    let found: Vec<i32> = sqlx::query_scalar("select day from day_dropped where day = any($1)")
        .bind(&days)
        .fetch_all(connection)
        .await
        .map_err(Error::doing("ask which days are dropped"))?;
    Ok(found
        .into_iter()
        .filter_map(|day| u32::try_from(day).ok())
        .collect())
}
