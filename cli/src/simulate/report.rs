//! A simulation's report as tables.

use impresario_workflows::simulate::{
    EndReport, HoldReport, MatrixRow, ReasonReport, Report, Share, Spread,
};

use crate::output;

/// Reasons that are listed; JSON has all of them.
const REASONS_MAX: usize = 12;

pub(super) fn told(report: &Report) -> String {
    let ends: Vec<Vec<String>> = report.ends.iter().map(end).collect();
    let mut parts = vec![
        format!(
            "{} v{}: {} sagas from seed {}",
            report.definition, report.version, report.sagas, report.seed
        ),
        output::table(
            &["END", "SAGAS", "SHARE", "P50", "P95", "P99", "MAX"],
            &ends,
        ),
        format!("{} need a human", report.needs_human),
    ];
    if !report.reasons.is_empty() {
        let rows: Vec<Vec<String>> = report
            .reasons
            .iter()
            .take(REASONS_MAX)
            .map(reason)
            .collect();
        parts.push(titled(
            "Why sagas did not complete",
            &["END", "STEP", "CODE", "SAGAS", "SHARE"],
            &rows,
        ));
    }
    if !report.holds.is_empty() {
        let rows: Vec<Vec<String>> = report.holds.iter().map(hold).collect();
        parts.push(titled(
            "Effects that expire",
            &[
                "STEP",
                "LASTS",
                "PINNED BY",
                "HELD",
                "LAPSED",
                "SHARE",
                "AGE P50",
                "P99",
                "MAX",
            ],
            &rows,
        ));
    }
    if !report.matrix.is_empty() {
        let rows: Vec<Vec<String>> = report.matrix.iter().map(row).collect();
        parts.push(titled(
            "One fault, for good",
            &[
                "STEP",
                "FAULT",
                "COMPLETED",
                "COMPENSATED",
                "STUCK",
                "ENDLESS",
            ],
            &rows,
        ));
    }
    parts.push(format!("digest {}", report.digest));
    parts.join("\n\n")
}

fn titled(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    format!("{title}\n{}", output::table(head, rows))
}

fn end(end: &EndReport) -> Vec<String> {
    let mut row = vec![
        end.end.to_owned(),
        end.sagas.to_string(),
        end.share.to_string(),
    ];
    // How long an endless one took is how long we watched.
    if end.end == "endless" {
        row.extend(["-"; 4].map(str::to_owned));
    } else {
        let Spread { p50, p95, p99, max } = end.latency;
        row.extend([p50, p95, p99, max].map(|span| span.rounded()));
    }
    row
}

fn reason(reason: &ReasonReport) -> Vec<String> {
    vec![
        reason.end.to_owned(),
        reason.step.clone().unwrap_or_default(),
        reason.code.clone(),
        reason.sagas.to_string(),
        reason.share.to_string(),
    ]
}

fn hold(hold: &HoldReport) -> Vec<String> {
    vec![
        hold.step.clone(),
        hold.lasts.to_string(),
        hold.pinned_by
            .clone()
            .unwrap_or_else(|| "nobody".to_owned()),
        hold.held.to_string(),
        hold.lapsed.to_string(),
        hold.lapsed_share.to_string(),
        hold.age.p50.rounded(),
        hold.age.p99.rounded(),
        hold.age.max.rounded(),
    ]
}

fn row(row: &MatrixRow) -> Vec<String> {
    let share = |share: Share| {
        if share == Share::default() {
            "-".to_owned()
        } else {
            share.to_string()
        }
    };
    vec![
        row.step.clone(),
        row.fault.to_owned(),
        share(row.completed),
        share(row.compensated),
        share(row.stuck),
        share(row.endless),
    ]
}
