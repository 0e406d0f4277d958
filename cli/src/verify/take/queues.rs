//! How many messages wait in the queues of pools and partitions, asked of the broker passively: nothing is made or
//! taken. What was delivered and not acknowledged cannot be seen this way; whoever can list it writes the file.
//!
//! The engine sends probes through its results queues all the time: a queue that is empty at one of several looks is
//! empty.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use lapin::Connection;
use serde_json::json;

use crate::queues::{connect, look};
use crate::verify::folder;
use crate::verify::table::Table;

/// Probes are sent four times a second.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(70);

pub(super) async fn take(url: &str, names: &[String], folder: &Path) -> anyhow::Result<()> {
    let connection = connect(url).await?;
    let mut text = String::new();
    for name in names {
        if let Some(messages) = least(&connection, name).await? {
            let _written = writeln!(text, "{}", json!({ "name": name, "messages": messages }));
        }
    }
    connection.close(200, "looked".into()).await?;
    folder::write(folder, Table::Queue.file(), &text)
}

/// The least that was in a queue at some looks; none when there is no such queue.
async fn least(connection: &Connection, name: &str) -> anyhow::Result<Option<u32>> {
    let mut least = None;
    for _ in 0..LOOKS {
        let Some(found) = look(connection, name).await? else {
            return Ok(None);
        };
        let messages = found.messages;
        least = Some(least.map_or(messages, |least: u32| least.min(messages)));
        if least == Some(0) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(least)
}
