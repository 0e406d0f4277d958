//! The payment provider's log beside the restored database: what moved since the moment, whose it is.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use impresario_orchestrator::store::whereabouts::{self, Known};
use impresario_orchestrator::store::{self, Database};
use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_payment::restored::{Deed, Entry, Saga, deeds};
use impresario_payment::sandbox;
use impresario_workflows::SagaId;

use crate::exit::{Code, coded};

/// Clocks of provider and database may differ by so much, and a movement may be as much older than its row.
const CLOCKS: TimeDelta = TimeDelta::minutes(10);

/// One request to the provider.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Movements since the moment that are held in memory; a restore that goes back further than that is made in pieces, or
/// by people.
const MOVED_MAX: usize = 2_000_000;

/// Sagas asked for at once.
const PARTS_MAX: usize = 10_000;

/// Where money and database are.
#[derive(Clone, Debug, Args)]
pub(super) struct Money {
    /// PostgreSQL, restored.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: String,
    /// PostgreSQL of the pool `payment`, when it keeps its schema elsewhere; one that went back too.
    #[arg(long)]
    pub(super) payment_database_url: Option<String>,
    /// The payment provider, with its log.
    #[arg(long, env = "PROVIDER_URL")]
    pub(super) provider_url: String,
    /// The moment that the database went back to, as `restore data` told it.
    #[arg(long)]
    pub(super) moment: DateTime<Utc>,
}

/// Everything that has to be compared.
pub(super) struct Ledger {
    pub(super) engine: Database,
    pub(super) payment: impresario_worker_sdk::Database,
    pub(super) provider: SandboxProvider,
    /// What was made since the moment.
    pub(super) deeds: Vec<Deed>,
    /// Movements that are looked after elsewhere.
    pub(super) others: usize,
}

impl Ledger {
    /// Reads the log, and brings both schemas up to date.
    pub(super) async fn open(money: &Money) -> anyhow::Result<Ledger> {
        let engine = Database::open(&store::Options::new(&money.database_url)).await?;
        let url = money
            .payment_database_url
            .as_ref()
            .unwrap_or(&money.database_url);
        let payment = impresario_payment::database(url)?;
        impresario_payment::migrate(&payment).await?;
        let key_life = sandbox::Config::default().key_life;
        let provider = SandboxProvider::new(&money.provider_url, key_life)?;
        let moved = moved(&provider, money.moment - CLOCKS).await?;
        let (deeds, others) = deeds(&moved);
        Ok(Ledger {
            engine,
            payment,
            provider,
            deeds,
            others,
        })
    }

    /// The sagas that the engine knows, by the part of their ids that effect keys carry. Read after the log: a saga is
    /// committed before its first task is sent, so one that is alive is known by now.
    pub(super) async fn known(&self, of: &[Deed]) -> anyhow::Result<HashMap<String, Known>> {
        let mut parts: Vec<String> = of.iter().map(|deed| deed.effect.saga.clone()).collect();
        parts.sort_unstable();
        parts.dedup();
        let mut known = HashMap::new();
        for page in parts.chunks(PARTS_MAX) {
            let found = whereabouts::of(&self.engine, page).await?;
            known.extend(found.into_iter().map(|saga| (saga.part.clone(), saga)));
        }
        Ok(known)
    }
}

async fn moved(provider: &SandboxProvider, since: DateTime<Utc>) -> anyhow::Result<Vec<Entry>> {
    let (mut moved, mut after) = (Vec::new(), 0);
    loop {
        let page = provider
            .log_after(after, PATIENCE)
            .await
            .map_err(|problem| {
                let text = format!("the provider's log: {}: {}", problem.code, problem.message);
                coded(Code::Unavailable, text)
            })?;
        let Some(last) = page.last() else {
            return Ok(moved);
        };
        after = last.id;
        moved.extend(page.into_iter().filter(|entry| entry.at >= since));
        if moved.len() > MOVED_MAX {
            let text = format!(
                "more than {MOVED_MAX} movements since {since}: too many to compare at once"
            );
            return Err(coded(Code::Failed, text));
        }
    }
}

/// Whose effect it is: the engine's saga, or what its id was if it began on the day on which money moved.
pub(super) fn saga_of(deed: &Deed, known: Option<&Known>) -> anyhow::Result<Saga> {
    if let Some(known) = known {
        return Ok(Saga {
            id: known.id.clone(),
            started_at: u64::try_from(known.started_at).unwrap_or_default(),
        });
    }
    let started_at = u64::try_from(deed.at.timestamp_millis()).unwrap_or_default();
    let digits = format!("{:06x}{}", SagaId::day_of(started_at), deed.effect.saga);
    let id: SagaId = digits.parse().map_err(|_| {
        coded(
            Code::Failed,
            format!("{} is no effect of ours", deed.effect),
        )
    })?;
    Ok(Saga {
        id: id.to_string(),
        started_at,
    })
}
