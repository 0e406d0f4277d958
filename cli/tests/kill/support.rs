//! What support staff does once the faults are over: retries what stands before a human.

use crate::client::{Answer, Client};
use crate::platform::Platform;

/// The sagas that stand before a human now.
pub(crate) async fn stuck(platform: &Platform) -> Vec<String> {
    sqlx::query_scalar("select id::text from impresario.saga where status = 'stuck' order by id")
        .fetch_all(&platform.pool)
        .await
        .unwrap_or_default()
}

/// Lets one try again; why it stood there, or none when it did not answer or has moved on meanwhile.
pub(crate) async fn retry(client: &Client, saga: &str, round: usize) -> Option<String> {
    let Ok(Answer {
        etag: Some(seen),
        body,
        ..
    }) = client.saga(round % 2, saga).await
    else {
        return None;
    };
    let key = format!("retry-{round}");
    let answer = client
        .command(round % 2, saga, &seen, "retry", &key)
        .await
        .ok()?;
    let why = body["explanation"].as_str().unwrap_or_default();
    (answer.status == 202).then(|| format!("{saga}: {why}"))
}
