//! `impresario sales`: what is sold by event, counted from the feed, served and made again.

use std::net::SocketAddr;

use anyhow::Context;
use clap::{Args, Subcommand};
use impresario_sales::Feed;
use impresario_worker_sdk::Database;
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::{KafkaOptions, LogFormat};
use crate::exit::{Code, coded};
use crate::output::{self, Format};
use crate::process;

#[derive(Debug, Args)]
pub(crate) struct SalesOptions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Follow the feed, and answer `GET /v1/sales`.
    Serve {
        #[command(flatten)]
        places: Places,
        /// Where it listens.
        #[arg(long, env = "IMPRESARIO_LISTEN", default_value = "127.0.0.1:7073")]
        listen: SocketAddr,
    },
    /// Read the whole feed again, and serve what comes of it; until then the old is served.
    Rebuild(Places),
}

#[derive(Debug, Args)]
struct Places {
    /// PostgreSQL; the sales keep a schema of their own in it.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(flatten)]
    kafka: KafkaOptions,
}

impl Places {
    async fn open(self) -> anyhow::Result<(Database, Feed)> {
        let brokers = self.kafka.kafka.filter(|url| !url.is_empty());
        let brokers = brokers
            .ok_or_else(|| coded(Code::Usage, "where is Kafka? say --kafka, or set KAFKA_URL"))?;
        let database = impresario_sales::database(&self.database_url)?;
        impresario_sales::migrate(&database).await?;
        let prefix = self.kafka.feed_prefix;
        Ok((database, Feed { brokers, prefix }))
    }
}

pub(crate) async fn run(
    options: SalesOptions,
    format: Format,
    log: LogFormat,
) -> anyhow::Result<()> {
    match options.verb {
        Verb::Serve { places, listen } => serve(places, listen, log).await,
        Verb::Rebuild(places) => rebuild(places, format).await,
    }
}

async fn serve(places: Places, listen: SocketAddr, log: LogFormat) -> anyhow::Result<()> {
    process::log(log);
    let stop = process::stop_on_signals()?;
    let (database, feed) = places.open().await?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listen on {listen}"))?;
    let follower = tokio::spawn(impresario_sales::follow(
        database.clone(),
        feed,
        stop.clone(),
    ));
    impresario_orchestrator::api::serve(listener, impresario_sales::router(database), stop).await;
    follower.await.context("follow the feed")
}

async fn rebuild(places: Places, format: Format) -> anyhow::Result<()> {
    let (database, feed) = places.open().await?;
    let generation = impresario_sales::rebuild(&database, &feed).await?;
    match format {
        Format::Json => output::json(&json!({ "generation": generation }))?,
        Format::Table => output::line(&format!("generation {generation} is served")),
    }
    Ok(())
}
