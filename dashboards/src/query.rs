//! What expressions are made of, and what is in one: metrics and the labels that are asked of them.
//!
//! Not a parser: promtool is. This finds names, which is enough to hold them against the table.

use std::collections::BTreeSet;

use impresario_metrics::table;

/// Metrics of others, with the labels that we ask of them.
pub const FOREIGN: [(&str, &[&str]); 14] = [
    ("up", &["job", "instance"]),
    ("scrape_samples_scraped", &["job", "instance"]),
    ("ALERTS", &["alertname", "alertstate"]),
    (
        "kube_horizontalpodautoscaler_status_desired_replicas",
        &["horizontalpodautoscaler"],
    ),
    (
        "kube_horizontalpodautoscaler_status_current_replicas",
        &["horizontalpodautoscaler"],
    ),
    (
        "kube_horizontalpodautoscaler_spec_max_replicas",
        &["horizontalpodautoscaler"],
    ),
    ("rabbitmq_queue_messages_ready", &[]),
    ("rabbitmq_queue_messages_unacked", &[]),
    ("rabbitmq_connections", &[]),
    ("rabbitmq_alarms_memory_used_watermark", &[]),
    ("rabbitmq_alarms_free_disk_space_watermark", &[]),
    ("rabbitmq_process_resident_memory_bytes", &[]),
    ("rabbitmq_global_messages_received_total", &[]),
    ("rabbitmq_identity_info", &[]),
];

/// Words of PromQL that are no metrics.
const WORDS: [&str; 41] = [
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "by",
    "without",
    "rate",
    "increase",
    "irate",
    "deriv",
    "histogram_quantile",
    "le",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "vector",
    "absent",
    "time",
    "clamp_min",
    "clamp_max",
    "label_replace",
    "topk",
    "bool",
    "offset",
    "changes",
    "sum_over_time",
    "max_over_time",
    "avg_over_time",
    "sort_desc",
    "scalar",
    "inf",
    "resets",
    "delta",
    "round",
    "abs",
    "last_over_time",
];

/// The expression as Prometheus takes it: variables are Grafana's.
pub fn plain(expr: &str, rate_interval: &str) -> String {
    expr.replace("$__rate_interval", rate_interval)
        .replace("$__range", "10m")
        .replace("$saga_type", ".*")
        .replace("$pool", ".*")
}

/// A metric in an expression, and the labels asked of it in its braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// The name.
    pub metric: String,
    /// The labels.
    pub labels: Vec<String>,
}

/// Every metric of an expression; recorded ones (with a colon) included.
pub fn selectors(expr: &str) -> BTreeSet<Selector> {
    let mut found = BTreeSet::new();
    let mut rest = blank_texts(expr);
    // What stands behind `by`, `on` and their kin are labels.
    for word in [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
    ] {
        rest = blank_lists(&rest, word);
    }
    let mut at = 0;
    while at < rest.len() {
        let name: String = rest[at..].chars().take_while(|c| is_name(*c)).collect();
        if name.is_empty() {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let after = &rest[at + name.len()..];
        at += name.len();
        let starts_as_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_as_name || WORDS.contains(&name.as_str()) {
            continue;
        }
        let mut labels = Vec::new();
        if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}').unwrap_or(inner.len());
            labels.extend(inner[..end].split(',').filter_map(|part| {
                let label = part.split(['=', '!']).next()?.trim();
                (!label.is_empty()).then(|| label.to_owned())
            }));
            at += end + 2;
        }
        // Durations in brackets: `[5m:1m]`.
        if let Some(range) = rest.get(at..).and_then(|after| after.strip_prefix('[')) {
            at += range.find(']').map_or(0, |end| end + 2);
        }
        found.insert(Selector {
            metric: name,
            labels,
        });
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Without what stands in quotes, so that nothing in it is taken for a name.
fn blank_texts(expr: &str) -> String {
    let mut inside = false;
    expr.chars()
        .map(|c| match c {
            '"' => {
                inside = !inside;
                '"'
            }
            _ if inside => ' ',
            other => other,
        })
        .collect()
}

fn blank_lists(expr: &str, word: &str) -> String {
    let mut out = expr.to_owned();
    let mut from = 0;
    while let Some(found) = out[from..].find(word).map(|at| at + from) {
        let before = out[..found].chars().next_back();
        let after = out[found + word.len()..].trim_start();
        let alone = !before.is_some_and(is_name);
        from = found + word.len();
        if alone && after.starts_with('(') {
            let open = out[from..].find('(').map_or(from, |at| at + from);
            let close = out[open..].find(')').map_or(out.len(), |at| at + open);
            out.replace_range(open + 1..close, &" ".repeat(close - open - 1));
            from = close;
        }
    }
    out
}

/// What is wrong with the names in an expression: a metric that nobody has, a label that it does not have.
pub fn strangers(expr: &str, recorded: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Selector { metric, labels } in selectors(expr) {
        if recorded.contains(&metric.as_str()) {
            continue;
        }
        let Some(known) = labels_of(&metric) else {
            wrong.push(format!("{metric} is no metric"));
            continue;
        };
        for label in labels {
            if !known.contains(&label.as_str()) && !["job", "instance"].contains(&label.as_str()) {
                wrong.push(format!("{metric} has no label {label}"));
            }
        }
    }
    wrong
}

/// The labels of a metric, of a histogram's parts too.
pub fn labels_of(metric: &str) -> Option<Vec<&'static str>> {
    if let Some((_, labels)) = FOREIGN.iter().find(|(name, _)| *name == metric) {
        return Some(labels.to_vec());
    }
    let base = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|part| metric.strip_suffix(part))
        .filter(|base| table::ALL.iter().any(|(meta, _)| meta.name == *base))
        .unwrap_or(metric);
    let (meta, _) = table::ALL.iter().find(|(meta, _)| meta.name == base)?;
    let is_histogram = meta.kind.series() > 1;
    if is_histogram == (base == metric) {
        return None;
    }
    let mut labels: Vec<&str> = meta.labels.iter().map(|label| label.name).collect();
    if metric.ends_with("_bucket") {
        labels.push("le");
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(expr: &str) -> Vec<String> {
        let found = selectors(expr).into_iter();
        found
            .map(|one| format!("{}{:?}", one.metric, one.labels))
            .collect()
    }

    #[test]
    fn metrics_and_labels_are_found_and_nothing_else() {
        let expr = r#"sum by (saga_type, le) (rate(saga_duration_seconds_bucket{saga_type=~"a,b|x{1}",le="30"}[5m]))
            / on (pool) group_left (x) label_replace(up{job="j"}, "pool", "$1", "job", "(.*)") > 0.5 offset 5m"#;
        assert_eq!(
            names(expr),
            [
                r#"saga_duration_seconds_bucket["saga_type", "le"]"#,
                r#"up["job"]"#
            ]
        );
    }

    #[test]
    fn strangers_are_named() {
        assert!(strangers("rate(saga_started_total{saga_type=\"x\"}[5m])", &[]).is_empty());
        assert!(strangers("job:saga:rate5m > 1", &["job:saga:rate5m"]).is_empty());
        for (expr, said) in [
            (
                "rate(saga_begun_total[5m])",
                "saga_begun_total is no metric",
            ),
            (
                "saga_started_total{step=\"x\"}",
                "saga_started_total has no label step",
            ),
            (
                "saga_duration_seconds",
                "saga_duration_seconds is no metric",
            ),
            (
                "saga_started_total_bucket",
                "saga_started_total_bucket is no metric",
            ),
        ] {
            assert_eq!(strangers(expr, &[]), [said]);
        }
    }
}
