//! `booking-confirmed`: promises one webhook about a confirmed booking.
//!
//! The delivery's id comes from the effect key, so a task repeated after a lost database tail promises the
//! same message, and the receiver drops it by that id.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use impresario_worker_sdk::{Batch, BatchItem, HandlerError, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::Secret;

const KIND: &str = "booking.confirmed";

/// The handler.
pub(crate) struct BookingConfirmed {
    pub(crate) secret: Secret,
    /// Whether there is somewhere to deliver to.
    pub(crate) deliver: bool,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    booking_ref: String,
    #[serde(alias = "customer_email")]
    email: String,
    #[serde(default)]
    tickets: Value,
    /// Whatever else the definition gives goes into the message as it is.
    #[serde(flatten)]
    more: serde_json::Map<String, Value>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    delivery_id: String,
}

#[async_trait]
impl Batch for BookingConfirmed {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Output>>, HandlerError> {
        let signed_at = unix_seconds();
        let (mut ids, mut bodies, mut signatures) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let id = delivery_id(&item.task.effect().to_string());
            let body = body(&item.input, item.task.tenant(), signed_at);
            signatures.push(self.secret.sign(&id, signed_at, &body));
            bodies.push(body);
            ids.push(id);
        }
        sqlx::query(
            "insert into delivery (delivery_id, saga, kind, body, signed_at, signature, state)
             select d.id, d.saga, $5, d.body, $6, d.signature, $7
               from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                    as d(id, saga, body, signature)",
        )
        .bind(&ids)
        .bind(
            items
                .iter()
                .map(|item| item.task.saga())
                .collect::<Vec<_>>(),
        )
        .bind(&bodies)
        .bind(&signatures)
        .bind(KIND)
        .bind(signed_at)
        .bind(if self.deliver { "pending" } else { "stored" })
        .execute(tx)
        .await?;
        Ok(ids
            .into_iter()
            .map(|delivery_id| Verdict::Done(Output { delivery_id }))
            .collect())
    }
}

fn delivery_id(effect: &str) -> String {
    let digest = Sha256::digest(effect.as_bytes());
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("msg_{hex}")
}

fn body(input: &Input, tenant: &str, at: i64) -> String {
    let mut data = input.more.clone();
    data.insert("booking_ref".into(), json!(input.booking_ref));
    data.insert("email".into(), json!(input.email));
    data.insert("tickets".into(), input.tickets.clone());
    json!({ "type": KIND, "timestamp": at, "tenant": tenant, "data": data }).to_string()
}

pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
