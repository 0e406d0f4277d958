//! What the processes show, held against the table and against what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use impresario_dashboards::query::{self, Selector};
use impresario_dashboards::{Feed, alerts, boards};
use impresario_metrics::{SERIES_MAX, table};

use crate::platform::Platform;

/// One scrape of everything.
pub(crate) struct Scraped {
    /// Lines of each process.
    ours: BTreeMap<String, Vec<String>>,
    /// Names with the labels that were seen, of all.
    seen: BTreeMap<String, BTreeSet<String>>,
}

pub(crate) fn of(platform: &Platform) -> Scraped {
    let series = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let ours: BTreeMap<String, Vec<String>> = platform
        .metrics()
        .into_iter()
        .map(|(name, text)| (name, series(&text)))
        .collect();
    let rabbit = series(&platform.rabbit_metrics());
    let mut seen = BTreeMap::<String, BTreeSet<String>>::new();
    for line in ours.values().flatten().chain(&rabbit) {
        let name = line.split(['{', ' ']).next().unwrap().to_owned();
        let labels = seen.entry(name).or_default();
        if let Some((_, inside)) = line.split_once('{') {
            let inside = inside.rsplit_once('}').unwrap().0;
            labels.extend(
                inside
                    .split("\",")
                    .filter_map(|part| Some(part.split_once('=')?.0.to_owned())),
            );
        }
    }
    Scraped { ours, seen }
}

impl Scraped {
    /// No process shows more than it may, nor anything that is not in the table.
    pub(crate) fn assert_bounded(&self) {
        let mut wrong = Vec::new();
        for (process, lines) in &self.ours {
            println!("{process}: {} series", lines.len());
            assert!(
                lines.len() <= SERIES_MAX,
                "{process}: {} series",
                lines.len()
            );
            let mut unique = BTreeSet::new();
            for series in lines.iter().map(|line| line.rsplit_once(' ').unwrap().0) {
                assert!(unique.insert(series), "{process} shows {series} twice");
            }
            for line in lines {
                let name = line.split(['{', ' ']).next().unwrap();
                // The shipped definitions have room, all of them.
                if line.contains("\"other\"") {
                    wrong.push(format!("{process}: over a bound: {line}"));
                }
                if query::labels_of(name).is_none() {
                    wrong.push(format!("{process}: {name} is not in the table"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Every metric and label that a board or a rule asks for is there; and everything of the table is somewhere.
    pub(crate) fn assert_known(&self) {
        let (mut asked, mut elsewhere) = (BTreeSet::<Selector>::new(), BTreeSet::new());
        for board in boards::all() {
            for panel in board.rows.iter().flat_map(|row| &row.panels) {
                let queries = panel.queries.iter();
                let names =
                    queries.flat_map(|one| query::selectors(&query::plain(&one.expr, "1m")));
                match panel.feed {
                    Feed::Always | Feed::OnFailure => asked.extend(names),
                    Feed::Elsewhere(_) => elsewhere.extend(names.map(|one| one.metric)),
                }
            }
        }
        // What is drawn in panels that are fed elsewhere alone need not be here.
        elsewhere.retain(|metric| asked.iter().all(|one| one.metric != *metric));
        for group in alerts::groups() {
            let records = group.records.iter().map(|one| &one.expr);
            let alerts = group.alerts.iter().map(|one| &one.expr);
            asked.extend(
                records
                    .chain(alerts)
                    .flat_map(|expr| query::selectors(expr)),
            );
        }
        let mut missing = Vec::new();
        for Selector { metric, labels } in asked {
            // Recorded, Prometheus' own, or another program's.
            let is_ours = !metric.contains(':') && !metric.starts_with("kube_");
            if !is_ours || is_prometheus_own(&metric) || elsewhere.contains(&metric) {
                continue;
            }
            let Some(seen) = self.seen.get(&metric) else {
                missing.push(metric);
                continue;
            };
            let added = |label: &str| ["job", "instance"].contains(&label);
            let strange = labels
                .into_iter()
                .filter(|label| !seen.contains(label) && !added(label));
            missing.extend(strange.map(|label| format!("{metric}{{{label}}}")));
        }
        let shown = |name: &str| {
            self.seen.contains_key(name) || self.seen.contains_key(&format!("{name}_count"))
        };
        let unseen = table::ALL
            .iter()
            .map(|(meta, _)| meta.name)
            .filter(|name| !shown(name) && !elsewhere.contains(*name));
        missing.extend(unseen.map(|name| format!("{name}, which is in the table")));
        assert!(missing.is_empty(), "in no scrape: {missing:#?}");
    }
}

fn is_prometheus_own(metric: &str) -> bool {
    ["up", "scrape_samples_scraped", "ALERTS"].contains(&metric)
}
