//! `impresario top`: how sagas, engine and workers are, in the terminal, from what the processes show at `/metrics`.
//!
//! The same names as on the boards; rates are the difference of two looks. Nothing is asked of the database.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use futures::future::join_all;
use impresario_metrics::table::{
    COMMIT_DURATION, COMMITS_LOST, DEPENDENCY_UP, ENGINE_FAULTS, LANE_INBOX, LEASES_HELD,
    OUTBOX_AGE, OUTBOX_PENDING, QUEUE_BACKLOG, QUEUE_CONSUMERS, SAGA_COMPLETED, SAGA_IN_FLIGHT,
    SAGA_OLDEST_AGE, SAGA_STARTED, TIMERS_OVERDUE, WORKER_DRAINING, WORKER_SLOTS, WORKER_TASKS,
};
use tokio::time::Instant;

use crate::output::{self, Format};

/// Processes that are asked at most.
const PROCESSES_MAX: usize = 200;

/// A process that takes longer is shown as silent.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct TopOptions {
    /// Where a process shows its metrics, `http://host:port`; may be repeated. Workers are those of `--health`.
    #[arg(
        long = "scrape",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070"
    )]
    scrape: Vec<String>,
    /// Seconds between looks.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    every: u64,
    /// Look twice, print once, and end.
    #[arg(long)]
    once: bool,
}

/// One look at one process: series with their values.
type Series = BTreeMap<String, f64>;

/// One look at all that answered.
struct Look {
    at: Instant,
    processes: Vec<Option<Series>>,
}

pub(crate) async fn run(options: TopOptions, format: Format) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.scrape.len() <= PROCESSES_MAX,
        "at most {PROCESSES_MAX} processes"
    );
    let http = reqwest::Client::builder()
        .timeout(ANSWER_WAIT)
        .no_proxy()
        .build()
        .context("make a client")?;
    let every = Duration::from_secs(options.every);
    let mut before = look(&http, &options.scrape).await;
    loop {
        tokio::time::sleep(every).await;
        let now = look(&http, &options.scrape).await;
        let page = Page::of(&before, &now, &options.scrape);
        match format {
            Format::Json => output::json_line(&page.json())?,
            Format::Table if options.once || !std::io::stdout().is_terminal() => {
                output::line(&page.text());
            }
            // Home, and clear what was there.
            Format::Table => output::line(&format!("\x1b[H\x1b[2J{}", page.text())),
        }
        if options.once {
            return Ok(());
        }
        before = now;
    }
}

async fn look(http: &reqwest::Client, scrape: &[String]) -> Look {
    let asked = scrape.iter().map(|base| async move {
        let url = format!("{}/metrics", base.trim_end_matches('/'));
        let answer = http.get(url).send().await.ok()?;
        let text = answer.error_for_status().ok()?.text().await.ok()?;
        Some(text.lines().filter_map(series).collect())
    });
    let processes = join_all(asked).await;
    Look {
        at: Instant::now(),
        processes,
    }
}

fn series(line: &str) -> Option<(String, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (name, value) = line.rsplit_once(' ')?;
    Some((name.to_owned(), value.parse().ok()?))
}

/// What is shown: tables of cells.
struct Page {
    head: String,
    tables: Vec<(Vec<&'static str>, Vec<Vec<String>>)>,
}

/// Two looks at everything, summed or maximised over processes.
struct Seen<'a> {
    before: &'a Look,
    now: &'a Look,
}

impl Seen<'_> {
    fn values<'s>(
        look: &'s Look,
        metric: &'s str,
        labels: &'s [(&str, &str)],
    ) -> impl Iterator<Item = f64> + 's {
        let series = look.processes.iter().flatten().flatten();
        series
            .filter(move |(name, _)| matches(name, metric, labels))
            .map(|(_, value)| *value)
    }

    fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        Self::values(self.now, metric, labels).sum()
    }

    fn max(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        Self::values(self.now, metric, labels).fold(0.0, f64::max)
    }

    fn min(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        Self::values(self.now, metric, labels).reduce(f64::min)
    }

    /// A counter's growth a second; a process that started anew counts from zero.
    fn rate(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        let before: f64 = Self::values(self.before, metric, labels).sum();
        let seconds = (self.now.at - self.before.at).as_secs_f64().max(0.001);
        (self.sum(metric, labels) - before).max(0.0) / seconds
    }

    /// The values of a label that a metric has now.
    fn names(&self, metric: &str, label: &str) -> Vec<String> {
        let series = self.now.processes.iter().flatten().flat_map(BTreeMap::keys);
        let of = series.filter(|name| matches(name, metric, &[]));
        let mut names: Vec<String> = of.filter_map(|name| value_of(name, label)).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn matches(series: &str, metric: &str, labels: &[(&str, &str)]) -> bool {
    let name = series.split('{').next().unwrap_or_default();
    let has = |(label, value): &(&str, &str)| value_of(series, label).as_deref() == Some(*value);
    name == metric && labels.iter().all(has)
}

fn value_of(series: &str, label: &str) -> Option<String> {
    let inside = series.split_once('{')?.1;
    let mut pairs = inside.trim_end_matches('}').split("\",");
    let of = pairs.find_map(|pair| pair.strip_prefix(label)?.strip_prefix("=\""))?;
    Some(of.trim_end_matches('"').to_owned())
}

impl Page {
    fn of(before: &Look, now: &Look, scrape: &[String]) -> Page {
        let seen = Seen { before, now };
        let silent: Vec<&str> = scrape
            .iter()
            .zip(&now.processes)
            .filter(|(_, process)| process.is_none())
            .map(|(url, _)| url.as_str())
            .collect();
        let mut head = format!(
            "{} of {} processes answer",
            scrape.len() - silent.len(),
            scrape.len()
        );
        if !silent.is_empty() {
            // Writing to a string cannot fail.
            let _written = write!(head, "; silent: {}", silent.join(", "));
        }
        Page {
            head,
            tables: vec![sagas(&seen), engine(&seen), queues(&seen), pools(&seen)],
        }
    }

    fn text(&self) -> String {
        let tables = self.tables.iter().filter(|(_, rows)| !rows.is_empty());
        let mut text = self.head.clone();
        for (head, rows) in tables {
            text += "\n\n";
            text += &output::table(head, rows);
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let tables = self.tables.iter().map(|(head, rows)| {
            let rows = rows.iter().map(|row| {
                let cells = head
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| ((*name).to_owned(), cell.clone().into()));
                serde_json::Value::Object(cells.collect())
            });
            (head[0].to_owned(), rows.collect::<Vec<_>>().into())
        });
        serde_json::Value::Object(tables.collect())
    }
}

fn sagas(seen: &Seen<'_>) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let head = vec![
        "saga",
        "started/s",
        "ended/s",
        "undone/s",
        "failed/s",
        "forward",
        "waiting",
        "compensating",
        "stuck",
        "oldest",
    ];
    let rows = seen
        .names(SAGA_STARTED.name(), "saga_type")
        .into_iter()
        .map(|name| {
            let ended = |outcome| {
                seen.rate(
                    SAGA_COMPLETED.name(),
                    &[("saga_type", &name), ("outcome", outcome)],
                )
            };
            let phase = |phase| {
                count(seen.max(
                    SAGA_IN_FLIGHT.name(),
                    &[("saga_type", &name), ("phase", phase)],
                ))
            };
            vec![
                name.clone(),
                rate(seen.rate(SAGA_STARTED.name(), &[("saga_type", &name)])),
                rate(ended("completed")),
                rate(ended("compensated") + ended("cancelled")),
                rate(ended("failed")),
                phase("forward"),
                phase("waiting"),
                phase("compensating"),
                phase("stuck"),
                seconds(seen.max(SAGA_OLDEST_AGE.name(), &[("saga_type", &name)])),
            ]
        });
    (head, rows.collect())
}

fn engine(seen: &Seen<'_>) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let head = vec!["engine", ""];
    if seen.min(LEASES_HELD.name(), &[]).is_none() {
        return (head, Vec::new());
    }
    let name = COMMIT_DURATION.name();
    let (spent, commits) = (
        seen.rate(&format!("{name}_sum"), &[]),
        seen.rate(&format!("{name}_count"), &[]),
    );
    let mean = if commits > 0.0 { spent / commits } else { 0.0 };
    let reached = |dependency| match seen.min(DEPENDENCY_UP.name(), &[("dependency", dependency)]) {
        Some(up) if up > 0.0 => "reached",
        Some(_) | None => "NOT REACHED",
    };
    let row = |what: &str, said: String| vec![what.to_owned(), said];
    let rows = vec![
        row("postgres", reached("postgres").to_owned()),
        row("rabbitmq", reached("rabbitmq").to_owned()),
        row(
            "partitions leased",
            count(seen.sum(LEASES_HELD.name(), &[])),
        ),
        row(
            "messages waiting for lanes",
            count(seen.sum(LANE_INBOX.name(), &[])),
        ),
        row("commits/s", rate(commits)),
        row("a commit, mean", seconds(mean)),
        row(
            "decisions lost/s",
            rate(seen.rate(COMMITS_LOST.name(), &[])),
        ),
        row(
            "timers overdue",
            count(seen.max(TIMERS_OVERDUE.name(), &[])),
        ),
        row(
            "outbox, oldest past its due",
            seconds(seen.max(OUTBOX_AGE.name(), &[])),
        ),
        row(
            "engine faults since the start",
            count(seen.sum(ENGINE_FAULTS.name(), &[])),
        ),
    ];
    (head, rows)
}

fn queues(seen: &Seen<'_>) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let head = vec!["queue", "tasks waiting", "held back", "consumers"];
    let rows = seen
        .names(QUEUE_BACKLOG.name(), "queue")
        .into_iter()
        .map(|queue| {
            let at = |metric| count(seen.max(metric, &[("queue", &queue)]));
            vec![
                queue.clone(),
                at(QUEUE_BACKLOG.name()),
                at(OUTBOX_PENDING.name()),
                at(QUEUE_CONSUMERS.name()),
            ]
        });
    (head, rows.collect())
}

fn pools(seen: &Seen<'_>) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let head = vec![
        "pool",
        "slots used",
        "slots",
        "tasks/s",
        "failed or unknown/s",
        "draining",
    ];
    let rows = seen
        .names(WORKER_SLOTS.name(), "pool")
        .into_iter()
        .map(|pool| {
            let slots = |state| seen.sum(WORKER_SLOTS.name(), &[("pool", &pool), ("state", state)]);
            let bad = |outcome| {
                seen.rate(
                    WORKER_TASKS.name(),
                    &[("pool", &pool), ("outcome", outcome)],
                )
            };
            vec![
                pool.clone(),
                count(slots("used")),
                count(slots("total")),
                rate(seen.rate(WORKER_TASKS.name(), &[("pool", &pool)])),
                rate(bad("failed") + bad("unknown")),
                count(seen.sum(WORKER_DRAINING.name(), &[("pool", &pool)])),
            ]
        });
    (head, rows.collect())
}

fn rate(value: f64) -> String {
    format!("{value:.1}")
}

fn count(value: f64) -> String {
    format!("{value:.0}")
}

fn seconds(value: f64) -> String {
    match value {
        small if small < 1.0 => format!("{:.1} ms", small * 1e3),
        _ if value < 120.0 => format!("{value:.1} s"),
        _ => format!("{:.0} min", value / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(seconds: u64, text: &str) -> Look {
        Look {
            at: Instant::now() + Duration::from_secs(seconds),
            processes: vec![Some(text.lines().filter_map(series).collect()), None],
        }
    }

    #[test]
    fn two_looks_are_rates_and_one_is_how_it_stands() {
        let started = SAGA_STARTED.name();
        let in_flight = SAGA_IN_FLIGHT.name();
        let before = look(
            0,
            &format!("# HELP x\n{started}{{saga_type=\"booking\"}} 10"),
        );
        let now = look(
            2,
            &format!(
                "{started}{{saga_type=\"booking\"}} 30\n{in_flight}{{saga_type=\"booking\",phase=\"stuck\"}} 4"
            ),
        );
        let page = Page::of(
            &before,
            &now,
            &["http://a".to_owned(), "http://b".to_owned()],
        );
        let text = page.text();
        assert!(
            text.starts_with("1 of 2 processes answer; silent: http://b"),
            "{text}"
        );
        let (_, rows) = &page.tables[0];
        assert_eq!((rows[0][0].as_str(), rows[0][8].as_str()), ("booking", "4"));
        let per_second: f64 = rows[0][1].parse().unwrap();
        assert!((9.5..=10.5).contains(&per_second), "{text}");
        // What is not measured is not shown.
        assert!(!text.contains("commits/s"), "{text}");
    }
}
