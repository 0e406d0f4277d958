//! Tables on the terminal, printed line by line: a run takes minutes.

use serde_json::Value;

use crate::conservation::Balance;
use crate::load::{Level, Load};
use crate::results::Results;

pub(crate) fn print_machine(machine: &Value) {
    println!("Impresario, measured; client and servers share this machine");
    for (name, value) in machine.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        println!("  {name:<18} {text}");
    }
}

pub(crate) fn print_heading(what: &str) {
    println!(
        "\n{what}\n{:>9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "load", "sagas/s", "p50 ms", "p95 ms", "p99 ms", "problems", "other CPU"
    );
}

pub(crate) fn print_level(level: Option<&Level>) {
    let Some(level) = level else { return };
    println!(
        "{:>9} {:>10.0} {:>9.2} {:>9.2} {:>9.2} {:>9} {:>10.2}",
        offered(level.load),
        level.per_second(),
        level.latencies.quantile_ms(0.50),
        level.latencies.quantile_ms(0.95),
        level.latencies.quantile_ms(0.99),
        level.problems,
        level.foreign_cores(),
    );
    if let Some(problem) = &level.first_problem {
        println!("          first problem: {problem}");
    }
    if level.not_started > 0 {
        println!(
            "          {} planned sagas were not started in time",
            level.not_started
        );
    }
}

/// Sagas in flight, or starts a second.
pub(super) fn offered(load: Load) -> String {
    match load {
        Load::Closed { in_flight } => in_flight.to_string(),
        Load::Open { per_second } => format!("{per_second:.0}/s"),
    }
}

pub(crate) fn print_costs(levels: &[Level]) {
    let Some(first) = levels.first() else { return };
    let groups = first.costs.iter().map(|cost| cost.group);
    let heading: String = groups.map(|group| format!(" {group:>12}")).collect();
    println!(
        "CPU seconds per 1,000 sagas\n{:>9}{heading} {:>12}",
        "load", "all"
    );
    for level in levels {
        let each = level
            .costs
            .iter()
            .map(|cost| level.per_thousand(cost.cpu_seconds));
        let row: String = each.map(|seconds| format!(" {seconds:>12.3}")).collect();
        println!(
            "{:>9}{row} {:>12.3}",
            offered(level.load),
            level.cpu_per_thousand()
        );
    }
    println!(
        "memory, peak MB (proportional share)\n{:>9}{heading} {:>12}",
        "load", "all"
    );
    for level in levels {
        let each = level.costs.iter().map(|cost| cost.memory_peak_mb);
        let row: String = each.clone().map(|mb| format!(" {mb:>12.0}")).collect();
        println!(
            "{:>9}{row} {:>12.0}",
            offered(level.load),
            each.sum::<f64>()
        );
    }
    if levels.iter().all(|level| level.database.is_none()) {
        return;
    }
    println!(
        "Postgres, per saga\n{:>9} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "load", "WAL bytes", "WAL records", "rows", "commits", "round trips"
    );
    for level in levels {
        let Some(cost) = level.database else { continue };
        let trips = cost
            .round_trips
            .map_or_else(|| "unknown".to_owned(), |trips| format!("{trips:.3}"));
        println!(
            "{:>9} {:>12.0} {:>12.1} {:>12.2} {:>12.3} {trips:>12}",
            offered(level.load),
            cost.wal_bytes,
            cost.wal_records,
            cost.rows_written,
            cost.commits,
        );
    }
}

pub(crate) fn print_limits(results: &Results) {
    let Some(limits) = &results.limits else {
        return;
    };
    println!("\nlimits of this machine, a second");
    for (what, per_second) in [
        ("fdatasync of 8 KiB", limits.syncs),
        ("rows, 100 a transaction, 1 connection", limits.rows_of_one),
        (
            "rows, 1,000 a transaction, 4 connections",
            limits.rows_of_four,
        ),
        ("messages, durable and confirmed", limits.messages),
    ] {
        println!("  {what:<42} {per_second:>10.0}");
    }
}

pub(crate) fn print_stored_heading() {
    println!(
        "\nfull load with ended sagas stored\n{:>12} {:>10} {:>9} {:>9} {:>20} {:>10}",
        "stored", "sagas/s", "p50 ms", "p99 ms", "CPU s/1,000 sagas", "other CPU"
    );
}

pub(crate) fn print_stored(results: &Results) {
    let Some(stored) = results.stored.last() else {
        return;
    };
    let level = &stored.level;
    println!(
        "{:>12} {:>10.0} {:>9.2} {:>9.2} {:>20.3} {:>10.2}",
        stored.sagas,
        level.per_second(),
        level.latencies.quantile_ms(0.50),
        level.latencies.quantile_ms(0.99),
        level.cpu_per_thousand(),
        level.foreign_cores(),
    );
}

pub(crate) fn print_not_stored(results: &Results) {
    for (sagas, why) in &results.not_stored {
        println!("{sagas:>12} not measured: {why}");
    }
}

pub(crate) fn print_balance(what: &str, balance: &Balance) {
    println!(
        "conservation, {what}: {} answered completed and {} compensated, {} without a clear answer; in Postgres {} \
         completed, {} compensated, {} open: {}",
        balance.answered_completed,
        balance.answered_compensated,
        balance.unsure,
        balance.completed,
        balance.compensated,
        balance.open,
        if balance.holds() {
            "holds"
        } else {
            "DOES NOT HOLD"
        }
    );
    if let Some(sold) = &balance.sold {
        println!(
            "              {} seats sold, {} tickets, {} charges, {} seats sold twice, {} held for nobody",
            sold.seats, sold.tickets, sold.captures, sold.oversold, sold.held
        );
    }
}
