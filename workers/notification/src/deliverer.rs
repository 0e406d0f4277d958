//! Posts pending deliveries: claim, post, note the result. No transaction is open while it posts.
//!
//! A claim pushes `due` out past the longest post, so a deliverer that dies gives its deliveries back by
//! itself; the receiver may then see one twice, with the same id. Redirects are not followed: they would send
//! customers' data somewhere nobody configured.

use std::time::Duration;

use impresario_metrics::table::DELIVERIES;
use impresario_worker_sdk::Database;
use sqlx::Row;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::announcement::unix_seconds;

/// Deliveries claimed at once, and posted side by side.
const CLAIM_MAX: i32 = 16;
const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than a post can take.
const CLAIM_SECONDS: i32 = 30;
const IDLE: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(3600);

pub(crate) async fn run(database: Database, config: Config, shutdown: CancellationToken) {
    let Some(url) = config.url.clone() else {
        return;
    };
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "webhooks cannot be delivered");
            return;
        }
    };
    while !shutdown.is_cancelled() {
        let posted = match round(&database, &config, &client, &url).await {
            Ok(posted) => posted,
            Err(error) => {
                tracing::warn!(%error, "deliveries could not be claimed or noted");
                0
            }
        };
        if posted == 0 {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(POST_TIMEOUT)
        .build()
}

struct Delivery {
    id: String,
    body: String,
    attempts: i32,
}

async fn round(
    database: &Database,
    config: &Config,
    client: &reqwest::Client,
    url: &str,
) -> Result<usize, sqlx::Error> {
    let claimed = claim(database).await?;
    let count = claimed.len();
    let posts = claimed.into_iter().map(|delivery| async move {
        let result = post(client, url, config, &delivery).await;
        note(database, config, &delivery, result).await
    });
    for noted in futures::future::join_all(posts).await {
        noted?;
    }
    Ok(count)
}

async fn claim(database: &Database) -> Result<Vec<Delivery>, sqlx::Error> {
    // Many deliverers may claim at once: each takes rows that no other is just taking.
    let rows = sqlx::query(
        "update delivery
            set due = clock_timestamp() + make_interval(secs => $2), attempts = attempts + 1
          where delivery_id in (
                select delivery_id
                  from delivery
                 where state = 'pending' and due <= clock_timestamp()
                 order by due
                 limit $1
                   for update skip locked)
         returning delivery_id, body, attempts",
    )
    .bind(CLAIM_MAX)
    .bind(CLAIM_SECONDS)
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Delivery {
                id: row.try_get("delivery_id")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
            })
        })
        .collect()
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    config: &Config,
    delivery: &Delivery,
) -> Result<(), String> {
    let timestamp = unix_seconds();
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &delivery.id)
        .header("webhook-timestamp", timestamp.to_string())
        .header(
            "webhook-signature",
            config.secret.sign(&delivery.id, timestamp, &delivery.body),
        )
        .body(delivery.body.clone())
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
    database: &Database,
    config: &Config,
    delivery: &Delivery,
    result: Result<(), String>,
) -> Result<(), sqlx::Error> {
    let (state, error) = match result {
        Ok(()) => {
            DELIVERIES.with(["delivered"]).increment(1);
            ("delivered", None)
        }
        Err(error) if delivery.attempts >= config.attempts_max => {
            tracing::error!(delivery = delivery.id, error, "a webhook was given up");
            DELIVERIES.with(["given_up"]).increment(1);
            ("failed", Some(error))
        }
        Err(error) => {
            DELIVERIES.with(["retried"]).increment(1);
            ("pending", Some(error))
        }
    };
    let doublings = u32::try_from(delivery.attempts - 1).unwrap_or(0).min(16);
    let pause = config
        .retry_first
        .saturating_mul(1 << doublings)
        .min(RETRY_MAX);
    sqlx::query(
        "update delivery
            set state = $2, last_error = $3, due = clock_timestamp() + make_interval(secs => $4)
          where delivery_id = $1 and state = 'pending'",
    )
    .bind(&delivery.id)
    .bind(state)
    .bind(error)
    .bind(pause.as_secs_f64())
    .execute(database.pool())
    .await?;
    Ok(())
}
