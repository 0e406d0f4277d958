//! `impresario worker POOL`: one worker pool on RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport, QueueType};
use impresario_worker_sdk::{Worker, WorkerSettings};

use crate::args::{LogFormat, QueueKind, WorkerOptions};
use crate::health::Health;
use crate::pools::{self, PoolSettings};
use crate::process;

pub(crate) async fn run(options: WorkerOptions, log: LogFormat) -> anyhow::Result<()> {
    process::log(log);
    let traces = process::traces()?;
    impresario_metrics::begin(options.pool.role());
    let stop = process::stop_on_signals()?;
    let settings = PoolSettings {
        database_url: options.database_url.clone(),
        provider_url: options.provider_url.clone(),
        webhook_url: options.webhook_url.clone(),
        webhook_secret: options.webhook_secret.clone(),
        kafka: options.kafka.clone(),
    };
    let slots = options.slots.unwrap_or_else(|| options.pool.slots());
    let pool = pools::open(options.pool, &settings, &stop).await?;
    let mut amqp = AmqpSettings::new(&options.amqp_url, pool.name(), slots);
    amqp.queues = options.queue_prefix.clone();
    amqp.queue_type = match options.queues {
        QueueKind::Classic => QueueType::Classic,
        QueueKind::Quorum => QueueType::Quorum,
    };
    let settings = WorkerSettings {
        name: process::unique_name(pool.name()),
        slots,
        grace: Duration::from_secs(options.grace),
    };
    let transport = Arc::new(AmqpTransport::open(amqp));
    let worker = Worker::new(pool, transport, settings);
    let health = match options.health {
        Some(address) => Some(Health::serve(address, worker.watch()).await?),
        None => None,
    };
    worker.run(stop).await;
    if let Some(health) = health {
        health.stop().await;
    }
    traces.finish().await;
    Ok(())
}
