//! How many messages wait in the queues of pools and partitions, asked of the broker passively: nothing is made or
//! taken. What was delivered and not acknowledged cannot be seen this way; whoever can list it writes the file.

use std::fmt::Write as _;
use std::path::Path;

use impresario_protocol::{results_queue, task_queue};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::json;

use super::tables::Names;
use crate::exit::{Code, coded};
use crate::verify::folder;
use crate::verify::table::Table;

pub(super) async fn take(url: &str, names: &Names, folder: &Path) -> anyhow::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .map_err(|error| {
            coded(
                Code::Unavailable,
                format!("the broker does not answer: {error}"),
            )
        })?;
    let partitions = names
        .partitions
        .iter()
        .filter_map(|&number| u16::try_from(number).ok());
    let queues = names
        .pools
        .iter()
        .map(|pool| task_queue(pool))
        .chain(partitions.map(results_queue));
    let mut text = String::new();
    for name in queues {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::durable()
        };
        // A queue that is not there ends the channel that asked for it.
        let channel = connection.create_channel().await?;
        if let Ok(queue) = channel
            .queue_declare(name.clone().into(), passive, FieldTable::default())
            .await
        {
            let line = json!({ "name": name, "messages": queue.message_count(), "consumers": queue.consumer_count() });
            let _written = writeln!(text, "{line}");
        }
    }
    connection.close(200, "looked".into()).await?;
    folder::write(folder, Table::Queue.file(), &text)
}
