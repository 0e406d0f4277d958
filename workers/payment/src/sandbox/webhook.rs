//! What the provider does by itself: customers pay when their time has come, and events are posted until taken.
//!
//! `Impresario-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`: the time is signed with the body, so a
//! receiver may refuse what is old. An event is posted again until it is answered with success, so a receiver sees it
//! once or more, with one id. Without a receiver events are kept.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use sqlx::Row;
use tokio_util::sync::CancellationToken;

use super::{Sandbox, request};

/// Nothing to do: look again after this. Short, for people wait for it in front of a demo.
const IDLE: Duration = Duration::from_millis(100);
/// Payments, and events, of one round at most.
const ROUND_MAX: i64 = 16;
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a round of posts can take: a provider that dies gives its events back by itself.
const CLAIM_SECONDS: f64 = 10.0;
/// Then the event stays for a person; with the pauses between them these are about a day.
const ATTEMPTS_MAX: i32 = 40;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// Who is told, and the secret shared with them.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where events are posted.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
}

/// A shared secret; prints as stars.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The bytes of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The value of `Impresario-Signature` for a body sent at that time.
    pub fn sign(&self, unix_seconds: u64, body: &str) -> String {
        // HMAC takes keys of every length, so there is nothing to fail.
        let mut mac = match Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) {
            Ok(mac) => mac,
            Err(error) => unreachable!("HMAC refused a key: {error}"),
        };
        mac.update(format!("{unix_seconds}.{body}").as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={unix_seconds},v1={hex}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

pub(super) async fn run(sandbox: Sandbox, shutdown: CancellationToken) {
    let client = match crate::provider::client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "events cannot be posted");
            return;
        }
    };
    loop {
        let done = round(&sandbox, &client).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sandbox provider's round failed");
            0
        });
        let pause = if done == 0 { IDLE } else { Duration::ZERO };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Customers pay and events are posted; how many it were.
async fn round(sandbox: &Sandbox, client: &reqwest::Client) -> Result<usize, sqlx::Error> {
    let due: Vec<String> = sqlx::query_scalar(
        "select request_id from payment_request where pays_at <= clock_timestamp() limit $1",
    )
    .bind(ROUND_MAX)
    .fetch_all(sandbox.database.pool())
    .await?;
    for id in &due {
        request::pay(sandbox, id).await?;
    }
    let Some(webhook) = &sandbox.config.webhook else {
        return Ok(due.len());
    };
    let events = claim(sandbox).await?;
    let posts = events
        .iter()
        .map(|event| async move { (event, post(client, webhook, event).await) });
    for (event, posted) in futures::future::join_all(posts).await {
        note(sandbox, event, posted).await?;
    }
    Ok(due.len() + events.len())
}

struct Event {
    id: String,
    body: String,
    attempts: i32,
}

async fn claim(sandbox: &Sandbox) -> Result<Vec<Event>, sqlx::Error> {
    let rows = sqlx::query(
        "update webhook
            set due = clock_timestamp() + make_interval(secs => $2), attempts = attempts + 1
          where event_id in (
                select event_id
                  from webhook
                 where state = 'pending' and due <= clock_timestamp()
                 order by due
                 limit $1
                   for update skip locked)
         returning event_id, body, attempts",
    )
    .bind(ROUND_MAX)
    .bind(CLAIM_SECONDS)
    .fetch_all(sandbox.database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Event {
                id: row.try_get("event_id")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
            })
        })
        .collect()
}

async fn post(client: &reqwest::Client, webhook: &Webhook, event: &Event) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let signature = webhook
        .secret
        .sign(now.unwrap_or_default().as_secs(), &event.body);
    let answer = client
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("impresario-signature", signature)
        .body(event.body.clone())
        .timeout(POST_TIMEOUT)
        .send()
        .await
        // Without the URL: it may carry a token.
        .map_err(|error| error.without_url().to_string())?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("answered {}", status.as_u16()))
    }
}

async fn note(
    sandbox: &Sandbox,
    event: &Event,
    posted: Result<(), String>,
) -> Result<(), sqlx::Error> {
    let (state, error) = match posted {
        Ok(()) => ("delivered", None),
        Err(error) if event.attempts >= ATTEMPTS_MAX => {
            tracing::error!(event = event.id, error, "an event was given up");
            ("failed", Some(error))
        }
        Err(error) => ("pending", Some(error)),
    };
    let doublings = u32::try_from(event.attempts - 1).unwrap_or(0).min(16);
    let pause = PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_MAX);
    sqlx::query(
        "update webhook
            set state = $2, last_error = $3, due = clock_timestamp() + make_interval(secs => $4)
          where event_id = $1 and state = 'pending'",
    )
    .bind(&event.id)
    .bind(state)
    .bind(error)
    .bind(pause.as_secs_f64())
    .execute(sandbox.database.pool())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_body_has_a_known_signature() {
        // printf 1700000000.body | openssl dgst -sha256 -hmac secret
        let expected =
            "t=1700000000,v1=42ac6f0448c1d9c3e1e82b9726248f58fef84afffcbad5188246e96070e0ea46";
        assert_eq!(Secret::new("secret").sign(1_700_000_000, "body"), expected);
        assert_eq!(format!("{:?}", Secret::new("secret")), "Secret(****)");
    }
}
