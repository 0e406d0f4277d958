//! `impresario dev`: the whole platform on one machine from one command, with keys to break things.
//!
//! This process owns the private Postgres and the sandbox payment provider; engine, API and pools are its child
//! ([`crate::node`]), so that `k` really kills them with signal 9. Everything is told on standard error; with
//! `-o json` one line on standard output says where things are.
//!
//! Here: the order of things. The parts are `platform` (what runs), `folder` (whose data), `buyer` (who books),
//! `keys` (what a person presses), `watch` (definitions that are being written).

pub(crate) mod banner;
mod browser;
pub(crate) mod buyer;
mod folder;
mod keys;
pub(crate) mod platform;
pub(crate) mod port;
mod reset;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};
use impresario_protocol::Queues;
use serde_json::json;
use uuid::Uuid;

use crate::client::Server;
use crate::output::{self, Format};
use crate::process;
use banner::Banner;
use buyer::Buyer;
use folder::{DataFolder, Known};
use platform::{Place, Platform};
use watch::Watch;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DevOptions {
    #[command(subcommand)]
    command: Option<DevCommand>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Remove the data folder.
    Reset(reset::ResetOptions),
}

#[derive(Debug, Args)]
struct RunOptions {
    /// Port of everything; 7070, or the next free one, without it. 0 takes any.
    #[arg(long)]
    port: Option<u16>,
    /// Where data are kept.
    #[arg(long, default_value = folder::DEFAULT)]
    data_dir: PathBuf,
    /// Use this PostgreSQL instead of a private one.
    #[arg(long, env = "DATABASE_URL")]
    database_url: Option<String>,
    /// Use this RabbitMQ; tasks stay inside the process without it.
    #[arg(long, env = "AMQP_URL", value_parser = crate::args::brokers)]
    amqp_url: Option<String>,
    /// Prefix of the queues at that RabbitMQ: another for each who shares it.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    queue_prefix: Queues,
    /// Check this definition on every save, and load its new versions once they are proved; of a folder all files.
    #[arg(long = "definition", value_name = "PATH")]
    definitions: Vec<PathBuf>,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
}

pub(crate) async fn run(options: DevOptions, format: Format) -> anyhow::Result<()> {
    match options.command {
        Some(DevCommand::Reset(options)) => reset::run(&options),
        None => serve(options.run, format).await,
    }
}

async fn serve(options: RunOptions, format: Format) -> anyhow::Result<()> {
    let stop = process::stop_on_signals()?;
    // The provider is in this process; the rest is told by the child.
    let traces = process::traces()?;
    let watch = Watch::of(options.definitions)?;
    let folder = DataFolder::claim(&options.data_dir)?;
    let port = port::choose(options.port)?;
    let mut banner = Banner::begin();
    let place = Place {
        port,
        database_url: options.database_url,
        amqp_url: options.amqp_url,
        queue_prefix: options.queue_prefix,
        data: folder.path().to_owned(),
        temporary: false,
    };
    let booted = tokio::select! {
        booted = Platform::boot(place, &mut banner) => booted,
        // Dropping what has been started stops it.
        () = stop.cancelled() => return Ok(()),
    };
    let mut platform = booted?;
    folder.tell(&Known {
        url: platform.url(),
        postgres: platform.postgres_folder(),
    })?;
    let mut buyer = Buyer::new(platform.server().clone());
    first_booking(platform.server(), &mut buyer, &mut banner).await;
    if format == Format::Json {
        output::json_line(&json!({
            "url": platform.url(), "provider_url": platform.provider_url(),
            "database_url": platform.database_url(), "node_pid": platform.node_pid(),
        }))?;
    }
    if !options.no_open {
        browser::open(&format!("{}/v1/events", platform.url()));
    }
    let watching = tokio::spawn(watch.run(platform.server().clone(), stop.clone()));
    let ended = keys::serve(&mut platform, &mut buyer, &stop).await;
    watching.abort();
    banner.say("stopping: what is under way is finished first; data stay");
    let stopped = platform.stop().await;
    folder.forget();
    traces.finish().await;
    ended.and(stopped)
}

/// Shows that it works; that it does not is told, and everything stays up to be looked at.
async fn first_booking(server: &Server, buyer: &mut Buyer, banner: &mut Banner) {
    let order = match buyer.order("tok_ok", 1).await {
        Ok(order) => order,
        Err(error) => return banner.fail("1st booking", &format!("{error:#}")),
    };
    let begun = Instant::now();
    match buyer::buy(server, &order, &Uuid::new_v4().to_string()).await {
        Ok(made) => banner.booked(&made.booking, begun.elapsed()),
        Err(error) => banner.fail("1st booking", &format!("{:#}", anyhow::Error::from(error))),
    }
}
