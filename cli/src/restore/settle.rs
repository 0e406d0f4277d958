//! The first thing on a restored database, before engines and workers run on it.
//!
//! The queues go, with messages of sagas that the database may not know and answers from a time that it has forgotten;
//! whoever starts makes them anew. What the provider knows and the barrier does not is written back. Then a new epoch
//! begins: an engine that outlived the restore sees it and ends. Refused while anybody works: an answer that a worker still
//! holds would be of the time that is gone.

use std::time::{Duration, Instant};

use clap::Args;
use impresario_orchestrator::store::epoch::{self, Restored};
use impresario_payment::restored;
use impresario_protocol::Queues;
use lapin::options::QueueDeleteOptions;
use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection as _, PgConnection};

use super::ledger::{Ledger, Money, saga_of};
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format};
use crate::queues::{self, Names};

/// A server that replays much of its log may answer before it has come to the moment; one that takes longer is asked
/// again by its operator.
const REPLAY: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, Args)]
pub(super) struct SettleOptions {
    #[command(flatten)]
    money: Money,
    /// RabbitMQ.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    amqp_url: String,
    /// Prefix of the queues; must be the orchestrator's.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    queue_prefix: Queues,
    /// Why it was restored; kept with the epoch.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    operator: Operator,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Settled {
    epoch: i32,
    /// Queues that were there and are not any more, and the messages in them.
    queues: usize,
    messages: u64,
    /// Effects at the provider that were written back: those that stand, and those that were given back.
    adopted: usize,
    undone: usize,
    /// Effects of sagas that are lost: for their customers to ask for again, and for `reconcile`.
    lost: usize,
    /// Movements of other kinds.
    others: usize,
}

pub(super) async fn run(options: SettleOptions, format: Format) -> anyhow::Result<()> {
    let mut connection = connect(&options.money.database_url).await?;
    nobody_works(&mut connection).await?;
    let names = Names::read(&mut connection)
        .await?
        .behind(&options.queue_prefix);
    connection.close().await?;
    let mut settled = Settled::default();
    empty(&options.amqp_url, &names, &mut settled).await?;
    write_back(&Ledger::open(&options.money).await?, &options, &mut settled).await?;
    match format {
        Format::Json => output::json(&settled),
        Format::Table => {
            output::line(&text(&settled));
            Ok(())
        }
    }
}

fn text(settled: &Settled) -> String {
    let Settled {
        epoch,
        queues,
        messages,
        adopted,
        undone,
        lost,
        others,
    } = settled;
    format!(
        "epoch {epoch} begins\n\
         broker: {queues} queues with {messages} messages are gone; whoever starts makes them anew\n\
         provider: {adopted} effects written back that stand, {undone} that were given back\n\
         lost: {lost} effects of sagas that the database does not know; `impresario restore reconcile` later\n\
         others: {others} movements that are no authorization and no charge"
    )
}

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    let connected = options
        .application_name("impresario restore")
        .connect()
        .await;
    connected.map_err(|error| {
        coded(
            Code::Unavailable,
            format!("the database does not answer: {error}"),
        )
    })
}

async fn is_replaying(connection: &mut PgConnection) -> anyhow::Result<bool> {
    let replays = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(connection);
    Ok(replays.await?)
}

async fn nobody_works(connection: &mut PgConnection) -> anyhow::Result<()> {
    let until = Instant::now() + REPLAY;
    while is_replaying(&mut *connection).await? {
        if Instant::now() > until {
            return Err(coded(
                Code::Unavailable,
                "the database still replays its log: try again",
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (is_ours,): (bool,) = sqlx::query_as("select to_regclass('impresario.saga') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !is_ours {
        return Err(coded(
            Code::NotFound,
            "this database has no table impresario.saga",
        ));
    }
    let who: Vec<String> = sqlx::query_scalar(
        "select distinct application_name from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()
            and (application_name = 'impresario' or application_name like 'impresario worker %')
            -- The sandbox provider is somebody else's.
            and application_name <> 'impresario worker provider'
          order by 1",
    )
    .fetch_all(connection)
    .await?;
    if who.is_empty() {
        return Ok(());
    }
    Err(coded(
        Code::Conflict,
        format!("stop them first: {}", who.join(", ")),
    ))
}

/// Deletes the queues; refused while anybody reads one of them.
async fn empty(url: &str, names: &[String], settled: &mut Settled) -> anyhow::Result<()> {
    let connection = queues::connect(url).await?;
    let mut there = Vec::new();
    for name in names {
        let Some(found) = queues::look(&connection, name).await? else {
            continue;
        };
        if found.consumers > 0 {
            return Err(coded(
                Code::Conflict,
                format!("somebody reads {name}: stop engines and workers first"),
            ));
        }
        there.push(name);
        settled.messages += u64::from(found.messages);
    }
    let channel = connection.create_channel().await?;
    let unread = QueueDeleteOptions {
        if_unused: true,
        ..QueueDeleteOptions::default()
    };
    for name in there {
        channel.queue_delete(name.as_str().into(), unread).await?;
        settled.queues += 1;
    }
    connection.close(200, "settled".into()).await?;
    Ok(())
}

async fn write_back(
    ledger: &Ledger,
    options: &SettleOptions,
    settled: &mut Settled,
) -> anyhow::Result<()> {
    let forgotten = restored::forgotten(&ledger.payment, ledger.deeds.clone()).await?;
    let known = ledger.known(&forgotten).await?;
    settled.others = ledger.others;
    for deed in &forgotten {
        let saga = known.get(&deed.effect.saga);
        // One that was given back must never be taken for one that stands, whoever starts its saga again.
        if saga.is_none() && !deed.undone {
            settled.lost += 1;
            continue;
        }
        let adopted = restored::adopt(&ledger.payment, deed, &saga_of(deed, saga)?).await?;
        settled.adopted += usize::from(adopted && !deed.undone);
        settled.undone += usize::from(adopted && deed.undone);
    }
    let restored = Restored {
        to: Some(options.money.moment),
        who: &options.operator.name,
        reason: &options.reason,
    };
    settled.epoch = epoch::begin(&ledger.engine, restored).await?;
    Ok(())
}
