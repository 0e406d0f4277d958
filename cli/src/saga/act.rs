//! `impresario saga retry|cancel|approve|deny ID`: acts on a saga as it was seen, then follows it.
//!
//! The saga is read first and the command insists on what was read (`If-Match`): one that moved on meanwhile is
//! not touched, and the exit code is 4. Then new journal rows are told until the saga has settled.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use super::show::head;
use crate::client::{Command, Person, Saga, Server};
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format, Ink};
use crate::timeline::{Timeline, last_seq};

/// Between looks: a person watches.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct RetryOptions {
    /// Only this step; everything that stands before a human without it.
    #[arg(long)]
    step: Option<String>,
    #[command(flatten)]
    common: ActOptions,
}

#[derive(Debug, Args)]
pub(super) struct CancelOptions {
    #[command(flatten)]
    common: ActOptions,
}

#[derive(Debug, Args)]
pub(super) struct DecideOptions {
    /// The step that waits for the decision.
    #[arg(long)]
    step: String,
    /// What you may decide about; several times for several roles.
    #[arg(long = "role", env = "IMPRESARIO_ROLES", value_delimiter = ',')]
    roles: Vec<String>,
    #[command(flatten)]
    common: ActOptions,
}

#[derive(Debug, Args)]
struct ActOptions {
    /// Its id.
    id: String,
    /// Why, for the journal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    operator: Operator,
    /// Seconds to follow the saga; 0 only gives the command.
    #[arg(long, default_value_t = 30)]
    wait: u64,
}

pub(super) async fn retry(
    server: &Server,
    options: RetryOptions,
    format: Format,
) -> anyhow::Result<()> {
    let command = Command::Retry { step: options.step };
    act(server, &options.common, &[], &command, format).await
}

pub(super) async fn decide(
    server: &Server,
    options: DecideOptions,
    approved: bool,
    format: Format,
) -> anyhow::Result<()> {
    let step = options.step;
    let command = Command::Decide { step, approved };
    act(server, &options.common, &options.roles, &command, format).await
}

pub(super) async fn cancel(
    server: &Server,
    options: CancelOptions,
    format: Format,
) -> anyhow::Result<()> {
    act(server, &options.common, &[], &Command::Cancel, format).await
}

async fn act(
    server: &Server,
    options: &ActOptions,
    roles: &[String],
    command: &Command,
    format: Format,
) -> anyhow::Result<()> {
    let (before, _) = server.saga(&options.id).await?;
    let ink = Ink::stderr();
    eprintln!("{}", head(&before, ink));
    let done = server
        .command(
            &before.id,
            before.seq,
            command,
            &Person {
                name: options.operator.name.clone(),
                roles: roles.to_vec(),
            },
            &options.reason,
        )
        .await?;
    if !done.changed {
        eprintln!("nothing to do: it is {} already", done.status);
    }
    let end = Instant::now() + Duration::from_secs(options.wait);
    let after = follow(server, &before, end, ink).await?;
    tell(&before, &after, done.changed, format)?;
    if *command == Command::Cancel && !done.changed && done.status == "completed" {
        // The server has nothing to refuse; whoever wanted it undone must not read success.
        return Err(coded(Code::Conflict, "it is completed: nothing was undone"));
    }
    let followed = options.wait > 0 && done.changed;
    match (followed, after.is_settled(), after.status.as_str()) {
        (true, true, "stuck") => Err(coded(
            Code::Failed,
            format!("stuck again: {}", after.explanation),
        )),
        (true, false, _) => Err(coded(
            Code::Unavailable,
            format!(
                "the command was taken, but the saga is still under way after {} s: {}",
                options.wait, after.explanation
            ),
        )),
        (true, true, _) | (false, _, _) => Ok(()),
    }
}

/// Tells what is new until the saga has settled or the time is up.
async fn follow(server: &Server, before: &Saga, end: Instant, ink: Ink) -> anyhow::Result<Saga> {
    let mut told = last_seq(&before.journal);
    loop {
        let (saga, _) = server.saga(&before.id).await?;
        let news = Timeline::since(&saga, told);
        if !news.is_empty() {
            eprintln!("{}", news.render(ink));
        }
        told = last_seq(&saga.journal).max(told);
        if saga.is_settled() || Instant::now() >= end {
            return Ok(saga);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn tell(before: &Saga, after: &Saga, changed: bool, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            let side = |saga: &Saga| json!({ "status": saga.status, "seq": saga.seq, "explanation": saga.explanation });
            let told = json!({
                "id": after.id, "changed": changed, "before": side(before), "after": side(after),
            });
            output::json(&told)
        }
        Format::Table => {
            output::line(&format!(
                "{}  {} (seq {}) -> {} (seq {})  {}",
                after.id, before.status, before.seq, after.status, after.seq, after.explanation
            ));
            Ok(())
        }
    }
}
