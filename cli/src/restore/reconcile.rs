//! Money that no saga wants: of sagas that are lost and that nobody has asked for again, and of those that ended otherwise
//! than they had before the restore. It is given back at the provider, and its keys are closed, so that a start that comes
//! still later is declined instead of meeting it. Safe to repeat, and while everything runs.

use std::fmt::Write as _;

use chrono::{TimeDelta, Utc};
use clap::Args;
use impresario_orchestrator::store::audit::{self, Deed as Audited};
use impresario_orchestrator::store::whereabouts::Known;
use impresario_payment::restored::{self, Deed, RestoredError, Unwanted};
use serde::Serialize;
use serde_json::json;

use super::ledger::{Ledger, Money, PATIENCE, saga_of};
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format};

/// Effects that a report names, of each kind; the numbers are of all.
const NAMED_MAX: usize = 50;

#[derive(Clone, Debug, Args)]
pub(super) struct ReconcileOptions {
    #[command(flatten)]
    money: Money,
    /// Minutes for which money of a lost saga is left where it is, for its customer to press the button again.
    #[arg(long, default_value_t = 24 * 60)]
    grace_minutes: u32,
    /// Only tell.
    #[arg(long)]
    dry_run: bool,
    /// Why, for the audit record; needed unless it is a dry run.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

/// What became, or would become, of the effects since the moment.
#[derive(Debug, Default, Serialize)]
struct Report {
    dry_run: bool,
    /// Made since the moment.
    effects: usize,
    /// With a saga that wants them, or given back already.
    settled: usize,
    given_back: Vec<String>,
    /// Too young.
    young: Vec<String>,
    failed: Vec<String>,
}

pub(super) async fn run(options: ReconcileOptions, format: Format) -> anyhow::Result<()> {
    let ledger = Ledger::open(&options.money).await?;
    let known = ledger.known(&ledger.deeds).await?;
    let young = Utc::now() - TimeDelta::minutes(i64::from(options.grace_minutes));
    let mut report = Report {
        dry_run: options.dry_run,
        effects: ledger.deeds.len(),
        ..Report::default()
    };
    // What came last is undone first: a charge before the promise that it has used.
    for deed in ledger.deeds.iter().rev() {
        let saga = known.get(&deed.effect.saga);
        let Some(unwanted) = unwanted(deed, saga) else {
            report.settled += 1;
            continue;
        };
        let name = format!(
            "{} {} {}",
            deed.effect, deed.money.amount, deed.money.currency
        );
        if unwanted == Unwanted::Lost && deed.at > young {
            report.young.push(name);
        } else if options.dry_run {
            report.given_back.push(name);
        } else {
            match give_back(&ledger, deed, saga, unwanted).await {
                Ok(true) => report.given_back.push(name),
                Ok(false) => report.settled += 1,
                Err(error) => report.failed.push(format!("{name}: {error}")),
            }
        }
    }
    record(&ledger, &options, &report).await?;
    tell(&report, format)
}

/// Why no saga wants it, when none does.
fn unwanted(deed: &Deed, saga: Option<&Known>) -> Option<Unwanted> {
    match saga {
        // Also one that was given back: its key is closed with it.
        None if deed.undone => None,
        None => Some(Unwanted::Lost),
        // A promise that a charge has used as well: it is in no books yet if the saga never came to it again.
        Some(saga) if saga.status == "compensated" && !deed.undone => Some(Unwanted::Ended),
        Some(_) => None,
    }
}

async fn give_back(
    ledger: &Ledger,
    deed: &Deed,
    saga: Option<&Known>,
    unwanted: Unwanted,
) -> anyhow::Result<bool> {
    let saga = saga_of(deed, saga)?;
    let given = restored::give_back(
        &ledger.payment,
        &ledger.provider,
        deed,
        &saga,
        unwanted,
        PATIENCE,
    );
    given.await.map_err(|error: RestoredError| error.into())
}

async fn record(
    ledger: &Ledger,
    options: &ReconcileOptions,
    report: &Report,
) -> anyhow::Result<()> {
    let Some(reason) = options
        .reason
        .as_deref()
        .filter(|_| !report.given_back.is_empty())
    else {
        return Ok(());
    };
    if report.dry_run {
        return Ok(());
    }
    let mut connection = ledger.engine.live_connection().await?;
    let detail =
        json!({ "given_back": report.given_back.iter().take(NAMED_MAX).collect::<Vec<_>>() });
    let deed = Audited {
        tenant: "main",
        who: &options.operator.name,
        action: "restore.reconciled",
        subject: "payment",
        reason,
        detail: &detail,
    };
    audit::record(&mut connection, &deed).await?;
    Ok(())
}

fn tell(report: &Report, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json(report)?,
        Format::Table => output::line(&text(report)),
    }
    match report.young.len() + report.failed.len() {
        0 => Ok(()),
        left => Err(coded(
            Code::Conflict,
            format!("{left} effects are left as they are"),
        )),
    }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{} effects since then, {} are settled",
        report.effects, report.settled
    );
    let would = if report.dry_run {
        "would be given back"
    } else {
        "given back"
    };
    for (what, names) in [
        (would, &report.given_back),
        ("too young", &report.young),
        ("failed", &report.failed),
    ] {
        let _written = write!(text, "\n{what}: {}", names.len());
        for name in names.iter().take(NAMED_MAX) {
            let _written = write!(text, "\n  {}", output::tame(name));
        }
    }
    text
}
