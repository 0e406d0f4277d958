//! The pools that this binary can run: each opened with its schema brought up to date, and with what runs
//! beside its handlers (the sweeper of holds, the deliverer of webhooks, the search for late money).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use impresario_notification::Secret;
use impresario_payment::Provider;
use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_worker_sdk::{Database, Pool, telling};
use tokio_util::sync::CancellationToken;

use crate::args::{KafkaOptions, PoolName};
use crate::process;

/// Money that came too late waits for this at most before it is given back. Nobody stands and waits for it.
const LOOK_FOR_LATE_MONEY: Duration = Duration::from_secs(10);

/// What pools need to know.
#[derive(Clone, Debug)]
pub(crate) struct PoolSettings {
    pub(crate) database_url: String,
    pub(crate) provider_url: String,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_secret: Option<String>,
    /// Where what happens in the pool is told.
    pub(crate) kafka: KafkaOptions,
}

/// Opens a pool; what runs beside it ends with `stop`.
pub(crate) async fn open(
    name: PoolName,
    settings: &PoolSettings,
    stop: &CancellationToken,
) -> anyhow::Result<Pool> {
    match name {
        PoolName::Catalog => catalog(settings, stop).await,
        PoolName::Payment => payment(settings, stop).await,
        PoolName::Booking => booking(settings, stop).await,
        PoolName::Notification => notification(settings, stop).await,
        PoolName::Echo => Ok(impresario_worker_sdk::echo::pool()),
    }
}

async fn catalog(settings: &PoolSettings, stop: &CancellationToken) -> anyhow::Result<Pool> {
    let database = impresario_catalog::database(&settings.database_url)?;
    impresario_catalog::migrate(&database).await?;
    tell(&database, &settings.kafka, stop);
    let config = impresario_catalog::Config::default();
    let pool = impresario_catalog::pool(&database, &config);
    tokio::spawn(impresario_catalog::run_sampler(
        database.clone(),
        stop.clone(),
    ));
    tokio::spawn(impresario_catalog::run_sweeper(
        database,
        config,
        stop.clone(),
    ));
    Ok(pool)
}

async fn payment(settings: &PoolSettings, stop: &CancellationToken) -> anyhow::Result<Pool> {
    let database = impresario_payment::database(&settings.database_url)?;
    impresario_payment::migrate(&database).await?;
    tell(&database, &settings.kafka, stop);
    let key_life = impresario_payment::sandbox::Config::default().key_life;
    let provider = SandboxProvider::new(&settings.provider_url, key_life)
        .context("set up the payment provider's client")?;
    let provider: Arc<dyn Provider> = Arc::new(provider);
    let pool = impresario_payment::pool(&database, provider.clone());
    tokio::spawn(impresario_payment::run_late(
        database,
        provider,
        LOOK_FOR_LATE_MONEY,
        stop.clone(),
    ));
    Ok(pool)
}

async fn booking(settings: &PoolSettings, stop: &CancellationToken) -> anyhow::Result<Pool> {
    let database = impresario_booking::database(&settings.database_url)?;
    impresario_booking::migrate(&database).await?;
    tell(&database, &settings.kafka, stop);
    Ok(impresario_booking::pool(&database))
}

async fn notification(settings: &PoolSettings, stop: &CancellationToken) -> anyhow::Result<Pool> {
    let database = impresario_notification::database(&settings.database_url)?;
    impresario_notification::migrate(&database).await?;
    let secret = match &settings.webhook_secret {
        Some(text) => Secret::parse(text)?,
        // Without a receiver nobody checks signatures: a secret of this process alone is enough.
        None if settings.webhook_url.is_none() => own_secret()?,
        None => anyhow::bail!(
            "--webhook-url needs --webhook-secret (whsec_…), so that receivers can check"
        ),
    };
    let config = impresario_notification::Config {
        url: settings.webhook_url.clone(),
        ..impresario_notification::Config::stored_only(secret)
    };
    let pool = impresario_notification::pool(&database, &config);
    tokio::spawn(impresario_notification::run_deliverer(
        database,
        config,
        stop.clone(),
    ));
    Ok(pool)
}

/// Tells what happens in the pool, when there is a Kafka to tell it to.
fn tell(database: &Database, kafka: &KafkaOptions, stop: &CancellationToken) {
    let Some(brokers) = kafka.kafka.clone().filter(|url| !url.is_empty()) else {
        return;
    };
    let (database, prefix, stop) = (database.clone(), kafka.feed_prefix.clone(), stop.clone());
    let name = process::unique_name(database.schema());
    tokio::spawn(async move { telling::tell(database, brokers, &prefix, name, stop).await });
}

/// Hexadecimal digits are base64 too: 64 of them stand for 48 bytes.
fn own_secret() -> anyhow::Result<Secret> {
    let digits = || uuid::Uuid::new_v4().simple();
    Ok(Secret::parse(&format!("whsec_{}{}", digits(), digits()))?)
}
