//! What a reader needs when the platform hangs: the unfinished sagas in words, and what the processes said last.

use std::fmt::Write as _;
use std::path::Path;

use crate::client::Answer;
use crate::platform::Platform;
use crate::records;

const SAGAS: usize = 5;
const ROWS: usize = 8;
const LINES: usize = 25;

/// Unfinished sagas, leftovers, and the tails of the logs.
pub(crate) fn hang(platform: &Platform) -> String {
    let mut text = String::new();
    platform.runtime.block_on(unfinished(platform, &mut text));
    for (queue, messages) in records::queues(platform) {
        if messages > 0 {
            let _written = writeln!(text, "{messages} messages in {queue}");
        }
    }
    text + &logs(platform)
}

/// The last warnings and errors of each process, the servers included.
pub(crate) fn logs(platform: &Platform) -> String {
    let mut text = String::new();
    let mut files: Vec<_> = std::fs::read_dir(platform.logs())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    files.push(platform.servers.postgres.log());
    files.push(platform.servers.rabbitmq.log());
    for file in files {
        let _written = writeln!(text, "--- {}\n{}", file.display(), tail(&file));
    }
    text
}

/// The last lines that tell of trouble, or just the last ones.
fn tail(file: &Path) -> String {
    let text = std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let words = ["WARN", "ERROR", "panicked", "FATAL", "PANIC"];
    let mut loud: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .collect();
    if loud.is_empty() {
        loud = lines;
    }
    loud[loud.len().saturating_sub(LINES)..].join("\n")
}

async fn unfinished(platform: &Platform, text: &mut String) {
    let open: Vec<(String, String, Option<String>, i16)> = sqlx::query_as(
        "select id::text, status, wake_at::text, partition from impresario.saga
         where status not in ('completed', 'compensated') order by started_at",
    )
    .fetch_all(&platform.pool)
    .await
    .unwrap_or_default();
    let _written = writeln!(text, "{} unfinished sagas", open.len());
    for (saga, status, wake, partition) in open.into_iter().take(SAGAS) {
        let _written = writeln!(text, "{saga} {status} wakes {wake:?} partition {partition}");
        match platform.client.saga(0, &saga).await {
            Ok(Answer { body, .. }) => {
                let _written = writeln!(text, "  {}", body["explanation"]);
                let journal = body["journal"].as_array().cloned().unwrap_or_default();
                for row in &journal[journal.len().saturating_sub(ROWS)..] {
                    let _written = writeln!(text, "  {row}");
                }
            }
            Err(silence) => {
                let _written = writeln!(text, "  {silence}");
            }
        }
    }
    let leases: Vec<(i16, Option<String>, String)> =
        sqlx::query_as("select partition, owner, until::text from impresario.lease order by 1")
            .fetch_all(&platform.pool)
            .await
            .unwrap_or_default();
    let outbox: Vec<(i64, String, i32, String)> = sqlx::query_as(
        "select id, pool, tries, due::text from impresario.outbox order by 1 limit 10",
    )
    .fetch_all(&platform.pool)
    .await
    .unwrap_or_default();
    let _written = writeln!(text, "leases {leases:?}\noutbox {outbox:?}");
}
