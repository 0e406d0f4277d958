//! `impresario feed verify`: the promise of the feed, held against what is on Kafka.
//!
//! Per key the first occurrences are 1, 2, 3 and so on; what comes again is the same bytes. With a database: of every
//! saga that was told, all journal rows are there, with the content that we would tell today, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use impresario_feed::{From, Reader, Seen, Sequences, Told};
use impresario_orchestrator::feeding;
use impresario_orchestrator::store::{self, Database, feed};
use impresario_workflows::SagaId;
use serde::Serialize;

use super::{About, ReadOptions, brokers, topics};
use crate::exit::{Code, coded};
use crate::output::{self, Format};

/// Journal rows that are compared at once.
const BATCH: usize = 500;

/// Findings that are told in words; all are counted.
const TOLD_MAX: usize = 20;

/// An event that was there when we began is read within this.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct VerifyOptions {
    #[command(flatten)]
    read: ReadOptions,
    /// Compare with the journal in this database. A feed that is sealed needs its key for that.
    // Not from the environment: it may take long.
    #[arg(long)]
    database_url: Option<String>,
    /// Keys may begin in their middle: the topics have forgotten their beginnings, or sagas are older than the feed.
    #[arg(long)]
    from_the_middle: bool,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    keys: usize,
    events: u64,
    told_again: u64,
    compared_with_journal: u64,
    wrong: u64,
    findings: Vec<String>,
}

impl Report {
    fn wrong(&mut self, what: String) {
        self.wrong += 1;
        if self.findings.len() < TOLD_MAX {
            self.findings.push(what);
        }
    }
}

pub(super) async fn run(options: VerifyOptions, format: Format) -> anyhow::Result<()> {
    let database = match &options.database_url {
        Some(url) => Some(Database::open(&store::Options::new(url)).await?),
        None => None,
    };
    let mut report = Report::default();
    let about = match options.read.about.as_slice() {
        [] => &About::ALL[..],
        some => some,
    };
    for about in about {
        let database = database.as_ref().filter(|_| *about == About::Sagas);
        topic(&options, *about, database, &mut report).await?;
    }
    show(&report, format)?;
    match report.wrong {
        0 => Ok(()),
        wrong => Err(coded(Code::Failed, format!("{wrong} thing(s) are wrong"))),
    }
}

async fn topic(
    options: &VerifyOptions,
    about: About,
    database: Option<&Database>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let kafka = &options.read.kafka;
    let mut reader =
        Reader::open(brokers(kafka)?, &topics(kafka, &[about]), From::Beginning).await?;
    let ends = reader.ends().await?;
    let mut sequences = match options.from_the_middle {
        true => Sequences::from_the_middle(),
        false => Sequences::whole(),
    };
    let mut waiting = Vec::new();
    while !reader.has_reached(&ends) {
        let told = tokio::time::timeout(PATIENCE, reader.next())
            .await
            .with_context(|| format!("Kafka gives no event within {PATIENCE:?}"))??;
        report.events += 1;
        match sequences.see(&told) {
            Seen::New => {
                if database.is_some() {
                    waiting.push(told);
                }
            }
            Seen::Again => report.told_again += 1,
            Seen::Differs => report.wrong(format!("{} has other content again", name(&told))),
            Seen::Gap { expected } => {
                report.wrong(format!("{} comes before number {expected}", name(&told)));
            }
        }
        if let Some(database) = database.filter(|_| waiting.len() >= BATCH) {
            compare(options, database, &mut waiting, report).await?;
        }
    }
    report.keys += sequences.last().count();
    if let Some(database) = database {
        compare(options, database, &mut waiting, report).await?;
        ends_agree(database, &sequences, report).await?;
    }
    Ok(())
}

fn name(told: &Told) -> String {
    format!(
        "{} #{} ({}, partition {}, offset {})",
        told.key, told.sequence, told.topic, told.partition, told.offset
    )
}

/// Each event is what we would tell of its journal row.
async fn compare(
    options: &VerifyOptions,
    database: &Database,
    waiting: &mut Vec<Told>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut sagas, mut seqs, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for told in waiting.drain(..) {
        match (told.key.parse::<SagaId>(), i32::try_from(told.sequence)) {
            (Ok(saga), Ok(seq)) => {
                sagas.push(saga.0);
                seqs.push(seq);
                kept.push(told);
            }
            _ => report.wrong(format!("{} is about no saga", name(&told))),
        }
    }
    let facts = feed::facts_that_exist(&database.pool, &sagas, &seqs).await?;
    for (told, fact) in kept.iter().zip(&facts) {
        let Some(fact) = fact else {
            report.wrong(format!("{} is in no journal", name(told)));
            continue;
        };
        let expected = feeding::events(std::slice::from_ref(fact), options.read.feed_key.as_ref())?;
        report.compared_with_journal += 1;
        if expected.iter().any(|event| event.data != told.data) {
            report.wrong(format!("{} is not what the journal says", name(told)));
        }
    }
    Ok(())
}

/// Of every saga that was told, the last row is there too, but for what still waits.
async fn ends_agree(
    database: &Database,
    sequences: &Sequences,
    report: &mut Report,
) -> anyhow::Result<()> {
    let told: BTreeMap<SagaId, i64> = sequences
        .last()
        .filter_map(|(key, last)| Some((key.parse().ok()?, last)))
        .collect();
    let sagas: Vec<_> = told.keys().map(|saga| saga.0).collect();
    for some in sagas.chunks(BATCH) {
        for (saga, last) in feed::told_up_to(&database.pool, some).await? {
            let known = told.get(&saga).copied().unwrap_or_default();
            if known < i64::from(last) {
                report.wrong(format!(
                    "{saga} is told up to row {known}, and row {last} waits for nothing"
                ));
            }
        }
    }
    Ok(())
}

fn show(report: &Report, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json(report),
        Format::Table => {
            for finding in &report.findings {
                output::line(&output::tame(finding));
            }
            output::line(&format!(
                "{} keys, {} events ({} told again), {} compared with the journal, {} wrong",
                report.keys,
                report.events,
                report.told_again,
                report.compared_with_journal,
                report.wrong
            ));
            Ok(())
        }
    }
}
