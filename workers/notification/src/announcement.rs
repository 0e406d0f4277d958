//! Announcements: each task promises one webhook of its kind (`booking-confirmed` sends `booking.confirmed`).
//!
//! The delivery's id comes from the effect key, so a task repeated after a lost database tail promises the
//! same message, and the receiver drops it by that id. What the definition gives goes into the message as it is; what
//! a message of this kind cannot do without is asked for.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use impresario_worker_sdk::{Batch, BatchItem, HandlerError, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::Secret;

/// A kind of message.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) task: &'static str,
    kind: &'static str,
    /// Fields that the message cannot do without, besides the address.
    needs: &'static [&'static str],
}

/// Every kind that this pool sends.
pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        task: "booking-confirmed",
        kind: "booking.confirmed",
        needs: &["booking_ref"],
    },
    Kind {
        task: "booking-refunded",
        kind: "booking.refunded",
        needs: &["booking_ref"],
    },
    Kind {
        task: "event-cancelled",
        kind: "event.cancelled",
        needs: &["event_id"],
    },
    Kind {
        task: "seat-offered",
        kind: "seat.offered",
        needs: &["entry_id", "seats"],
    },
];

/// The handler.
pub(crate) struct Announcement {
    pub(crate) kind: &'static Kind,
    pub(crate) secret: Secret,
    /// Whether there is somewhere to deliver to.
    pub(crate) deliver: bool,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    #[serde(alias = "customer_email")]
    email: String,
    /// Whatever else the definition gives.
    #[serde(flatten)]
    more: serde_json::Map<String, Value>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    delivery_id: String,
}

#[async_trait]
impl Batch for Announcement {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Output>>, HandlerError> {
        let signed_at = unix_seconds();
        let (mut ids, mut sagas) = (Vec::new(), Vec::new());
        let (mut bodies, mut signatures) = (Vec::new(), Vec::new());
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            if let Some(missing) = self.kind.missing(&item.input) {
                let sentence = format!("the input cannot be read: missing field `{missing}`");
                verdicts.push(Verdict::failed("bad_input", sentence));
                continue;
            }
            let id = delivery_id(&item.task.effect().to_string());
            let body = body(self.kind, &item.input, item.task.tenant(), signed_at);
            signatures.push(self.secret.sign(&id, signed_at, &body));
            bodies.push(body);
            sagas.push(item.task.saga());
            ids.push(id.clone());
            verdicts.push(Verdict::Done(Output { delivery_id: id }));
        }
        sqlx::query(
            "insert into delivery (delivery_id, saga, kind, body, signed_at, signature, state)
             select d.id, d.saga, $5, d.body, $6, d.signature, $7
               from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                    as d(id, saga, body, signature)
              order by d.id",
        )
        .bind(&ids)
        .bind(&sagas)
        .bind(&bodies)
        .bind(&signatures)
        .bind(self.kind.kind)
        .bind(signed_at)
        .bind(if self.deliver { "pending" } else { "stored" })
        .execute(tx)
        .await?;
        Ok(verdicts)
    }
}

impl Kind {
    fn missing(&self, input: &Input) -> Option<&'static str> {
        let given = |name: &str| input.more.get(name).is_some_and(|value| !value.is_null());
        self.needs.iter().find(|name| !given(name)).copied()
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

fn body(kind: &Kind, input: &Input, tenant: &str, at: i64) -> String {
    let mut data = input.more.clone();
    data.insert("email".into(), json!(input.email));
    json!({ "type": kind.kind, "timestamp": at, "tenant": tenant, "data": data }).to_string()
}

pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
