//! `impresario orphans list|undo`: effects of sagas that the engine's database has lost by going back to an earlier moment.
//!
//! Reads what the pools remember (`barriers`), page by page, and asks the server about each page: which sagas does it not
//! know, and what is to become of them. `list` only tells; `undo` has those undone that can be. Exit code 4 when some are
//! left that a human has to look at, or that are too young.

mod barriers;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::at::At;
use crate::client::{Orphan, Orphans};
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format, tame};
use barriers::{Barriers, PoolAt};

/// Sagas on a page at most; the server takes no more.
const SAGAS_MAX: usize = 100;

/// A page has about so many bytes at most: half of what the server takes, for the last saga may be a large one.
const BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct OrphansOptions {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: OrphansCommand,
}

#[derive(Debug, Subcommand)]
enum OrphansCommand {
    /// Tell which sagas are lost, and what would become of them.
    List(ListOptions),
    /// Undo those that can be undone.
    Undo(UndoOptions),
}

#[derive(Debug, Args)]
struct ListOptions {
    /// PostgreSQL of the pools.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// A pool that keeps its schema elsewhere, or a further one; several times for several.
    #[arg(long = "pool", value_name = "NAME=URL")]
    pools: Vec<PoolAt>,
}

#[derive(Debug, Args)]
struct UndoOptions {
    #[command(flatten)]
    list: ListOptions,
    /// Only tell what would become of them, like `list`.
    #[arg(long)]
    dry_run: bool,
    /// Why, for the journals and the audit record; needed unless it is a dry run.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

/// What is ordered.
struct Order {
    operator: String,
    /// Nothing when it is only looked at.
    reason: Option<String>,
}

pub(crate) async fn run(options: OrphansOptions, format: Format) -> anyhow::Result<()> {
    let server = options.at.server()?;
    let (list, order) = match options.command {
        OrphansCommand::List(list) => (
            list,
            Order {
                operator: "anonymous".to_owned(),
                reason: None,
            },
        ),
        OrphansCommand::Undo(undo) => (
            undo.list,
            Order {
                operator: undo.operator.name,
                reason: undo.reason.filter(|_| !undo.dry_run),
            },
        ),
    };
    let mut barriers = Barriers::open(&list.database_url, &list.pools)?;
    let mut whole = Orphans::nothing(order.reason.is_none());
    loop {
        let page = page(&mut barriers).await?;
        if page.is_empty() {
            break;
        }
        let body = body(barriers.pools(), page, &order);
        whole = whole.and(server.orphans(&order.operator, &body).await?);
    }
    tell(&whole, format)
}

/// The next sagas that have left something, as JSON.
async fn page(barriers: &mut Barriers) -> anyhow::Result<Vec<Value>> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < SAGAS_MAX && bytes < BYTES_MAX {
        let Some(saga) = barriers.next_saga().await? else {
            break;
        };
        bytes += saga.to_string().len();
        page.push(saga);
    }
    Ok(page)
}

fn body(pools: Vec<&str>, sagas: Vec<Value>, order: &Order) -> Value {
    let mut body = json!({ "pools": pools, "sagas": sagas, "dry_run": order.reason.is_none() });
    if let Some(reason) = &order.reason {
        body["reason"] = json!(reason);
    }
    body
}

fn tell(whole: &Orphans, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json(whole)?,
        Format::Table if whole.orphans.is_empty() => {
            eprintln!(
                "none: the database knows all {} sagas with effects",
                whole.known
            );
        }
        Format::Table => output::line(&table(&whole.orphans)),
    }
    let left = whole
        .orphans
        .iter()
        .filter(|orphan| !orphan.made_anew)
        .count();
    match (left, whole.dry_run) {
        (0, _) => Ok(()),
        (many, true) => Err(coded(Code::Conflict, format!("{many} sagas are lost"))),
        (many, false) => Err(coded(
            Code::Conflict,
            format!("{many} are left as they are"),
        )),
    }
}

fn table(orphans: &[Orphan]) -> String {
    let rows: Vec<Vec<String>> = orphans
        .iter()
        .map(|orphan| {
            let verdict = if orphan.made_anew {
                "undone"
            } else {
                &orphan.verdict
            };
            vec![
                orphan.id.clone(),
                verdict.to_owned(),
                tame(&orphan.undoes.join(", ")),
                tame(orphan.why.as_deref().unwrap_or_default()),
            ]
        })
        .collect();
    output::table(&["SAGA", "VERDICT", "UNDOES", "WHY"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphan(verdict: &str, made_anew: bool) -> Orphan {
        serde_json::from_value(json!({
            "id": "i1", "verdict": verdict, "why": null, "undoes": ["authorize", "hold"], "made_anew": made_anew,
        }))
        .unwrap()
    }

    #[test]
    fn a_saga_is_a_line_with_what_becomes_of_it() {
        let told = table(&[orphan("undo", true), orphan("young", false)]);
        assert_eq!(
            told,
            "SAGA  VERDICT  UNDOES           WHY\n\
             i1    undone   authorize, hold\n\
             i1    young    authorize, hold"
        );
    }
}
