//! The tables of a run as Markdown, to be pasted into docs/benchmarks.md: ours and the peers' side by side.

use std::fmt::Write;

use super::goal::YARDSTICK;
use super::goals::ROWS;
use crate::options::Variant;
use crate::results::{OURS, Results, Series, Stored, TELLING, TWO};

/// Messages that it would need if each carried one task or one result.
const MESSAGES_OF_A_SAGA: f64 = 6.0;

/// The tables: goals, limits, stored sagas.
pub(crate) fn markdown(results: &Results) -> String {
    let systems: Vec<&str> = results
        .systems()
        .into_iter()
        .filter(|system| *system != TWO && *system != TELLING)
        .collect();
    let mut text = String::new();
    let _infallible = goals(&mut text, results, &systems)
        .and_then(|()| limits(&mut text, results))
        .and_then(|()| stored(&mut text, results));
    text
}

fn goals(text: &mut String, results: &Results, systems: &[&str]) -> std::fmt::Result {
    writeln!(
        text,
        "| figure | goal | {} | reached |",
        systems.join(" | ")
    )?;
    writeln!(text, "|---|---|{}---|", "---|".repeat(systems.len()))?;
    for row in &ROWS {
        let figures: Vec<Option<f64>> = systems
            .iter()
            .map(|system| (row.of)(results, system))
            .collect();
        if figures.iter().all(Option::is_none) {
            continue;
        }
        let cells: Vec<String> = figures
            .iter()
            .map(|figure| {
                figure.map_or_else(String::new, |figure| format!("{figure:.*}", row.decimals))
            })
            .collect();
        let ours = (row.of)(results, OURS);
        let peers = systems
            .iter()
            .zip(&figures)
            .filter(|(system, _)| system.starts_with(YARDSTICK))
            .filter_map(|(_, figure)| *figure);
        let reached = ours.map_or_else(String::new, |ours| row.goal.judge(ours, peers));
        writeln!(
            text,
            "| {} | {} | {} | {reached} |",
            row.figure,
            row.goal.shown(),
            cells.join(" | ")
        )?;
    }
    Ok(())
}

fn limits(text: &mut String, results: &Results) -> std::fmt::Result {
    let (Some(limits), Some(full)) = (
        &results.limits,
        results
            .series(OURS, Variant::Trivial)
            .and_then(Series::full),
    ) else {
        return Ok(());
    };
    let sagas = full.per_second();
    let (commits, rows) = full.database.map_or((f64::NAN, f64::NAN), |cost| {
        (cost.commits, cost.rows_written)
    });
    writeln!(
        text,
        "\n| limit | a second | ours at full load | share |\n|---|---|---|---|"
    )?;
    for (what, limit, ours, how) in [
        (
            "fdatasync of 8 KiB",
            limits.syncs,
            sagas * commits,
            "commits",
        ),
        (
            "rows, 100 a transaction, 1 connection",
            limits.rows_of_one,
            sagas * rows,
            "rows written",
        ),
        (
            "rows, 1,000 a transaction, 4 connections",
            limits.rows_of_four,
            sagas * rows,
            "rows written",
        ),
        (
            "messages, one by one",
            limits.messages,
            sagas * MESSAGES_OF_A_SAGA,
            "tasks and results, in lists",
        ),
    ] {
        let share = ours / limit * 100.0;
        writeln!(
            text,
            "| {what} | {limit:.0} | {ours:.0} {how} | {share:.0} % |"
        )?;
    }
    Ok(())
}

fn stored(text: &mut String, results: &Results) -> std::fmt::Result {
    if results.stored.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n| stored sagas | sagas/s | p50 ms | p99 ms | CPU s per 1,000 | other CPU (cores) |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for Stored { sagas, level } in &results.stored {
        writeln!(
            text,
            "| {sagas} | {:.0} | {:.1} | {:.1} | {:.3} | {:.2} |",
            level.per_second(),
            level.latencies.quantile_ms(0.5),
            level.latencies.quantile_ms(0.99),
            level.cpu_per_thousand(),
            level.foreign_cores(),
        )?;
    }
    for (sagas, why) in &results.not_stored {
        writeln!(text, "\n{sagas} stored sagas were not measured: {why}.")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_makes_no_rows() {
        assert_eq!(markdown(&Results::default()).lines().count(), 2);
    }
}
