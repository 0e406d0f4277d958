//! The queues of a platform as its broker has them: the names that follow from the database, and a look that makes nothing
//! and takes nothing.

use impresario_protocol::{Brokers, Queues};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use sqlx::PgConnection;

use crate::exit::{Code, coded};

/// What queues are named after.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pools: Vec<String>,
    partitions: Vec<u16>,
}

impl Names {
    /// The pools of all definitions, and the results partitions.
    pub(crate) async fn read(connection: &mut PgConnection) -> anyhow::Result<Names> {
        let canonical: Vec<String> =
            sqlx::query_scalar("select canonical from impresario.definition")
                .fetch_all(&mut *connection)
                .await?;
        let mut pools: Vec<String> = canonical
            .iter()
            .filter_map(|text| impresario_workflows::Definition::from_canonical(text).ok())
            .flat_map(|definition| definition.pools())
            .collect();
        pools.sort();
        pools.dedup();
        let partitions: Vec<i16> =
            sqlx::query_scalar("select partition from impresario.lease order by 1")
                .fetch_all(connection)
                .await?;
        let partitions = partitions
            .into_iter()
            .filter_map(|partition| u16::try_from(partition).ok());
        Ok(Names {
            pools,
            partitions: partitions.collect(),
        })
    }

    /// Their names behind a prefix.
    pub(crate) fn behind(&self, prefix: &Queues) -> Vec<String> {
        let tasks = self.pools.iter().map(|pool| prefix.tasks(pool));
        let results = self.partitions.iter().map(|number| prefix.results(*number));
        tasks.chain(results).collect()
    }
}

/// What a look at a queue shows. What is delivered and not acknowledged cannot be seen this way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Messages that wait.
    pub(crate) messages: u32,
    /// Who reads it.
    pub(crate) consumers: u32,
}

/// Connects to the first of the broker's addresses that answers.
pub(crate) async fn connect(urls: &str) -> anyhow::Result<Connection> {
    let brokers: Brokers = urls.parse()?;
    let mut problem = None;
    for url in brokers.beginning_at(0) {
        match Connection::connect(url, ConnectionProperties::default()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => problem = Some(error),
        }
    }
    let why = problem.map_or_else(String::new, |error| format!(": {error}"));
    Err(coded(
        Code::Unavailable,
        format!("the broker does not answer{why}"),
    ))
}

/// Looks at a queue; nothing when there is none of this name.
pub(crate) async fn look(connection: &Connection, name: &str) -> anyhow::Result<Option<Look>> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    // A queue that is not there ends the channel that asked for it.
    let channel = connection.create_channel().await?;
    let looking = channel.queue_declare(name.into(), passive, FieldTable::default());
    Ok(looking.await.ok().map(|queue| Look {
        messages: queue.message_count(),
        consumers: queue.consumer_count(),
    }))
}
