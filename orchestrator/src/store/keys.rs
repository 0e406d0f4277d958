//! `saga_key`: who was started by which idempotency key, with which body.

use impresario_workflows::SagaId;
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;

/// What a key has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The saga.
    pub saga: SagaId,
    /// Hash of the body of the request that started it.
    pub body_hash: Vec<u8>,
}

/// What this key has started, if anything.
pub async fn find(
    pool: &PgPool,
    tenant: &str,
    definition: &str,
    key: &str,
) -> Result<Option<Taken>, Error> {
    let found: Option<(Uuid, Vec<u8>)> = sqlx::query_as(
        "select saga_id, body_hash from saga_key where tenant = $1 and definition = $2 and key = $3",
    )
    .bind(tenant)
    .bind(definition)
    .bind(key)
    .fetch_optional(pool)
    .await
    .map_err(Error::doing("look an idempotency key up"))?;
    Ok(found.map(|(saga, body_hash)| Taken {
        saga: SagaId(saga),
        body_hash,
    }))
}
