//! The figures, as a table for the reader and as JSON for comparisons.

use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;
use crate::conservation::Balance;
use crate::load::Level;

pub(crate) fn print_machine(machine: &Value) {
    println!("Impresario, measured; client and servers share this machine");
    for (name, value) in machine.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        println!("  {name:<18} {text}");
    }
}

pub(crate) fn print_heading() {
    println!(
        "\n{:>9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>14}",
        "in flight", "sagas/s", "p50 ms", "p95 ms", "p99 ms", "problems", "other CPU s/s"
    );
}

/// Printed as soon as it is measured: a run takes minutes.
pub(crate) fn print_level(level: &Level) {
    println!(
        "{:>9} {:>10.0} {:>9.2} {:>9.2} {:>9.2} {:>9} {:>14.2}",
        level.in_flight,
        level.per_second(),
        level.latency_ms(0.50),
        level.latency_ms(0.95),
        level.latency_ms(0.99),
        level.problems,
        level.foreign_cpu / level.seconds,
    );
    if let Some(problem) = &level.first_problem {
        println!("          first problem: {problem}");
    }
}

pub(crate) fn print_costs(levels: &[Level]) {
    let Some(first) = levels.first() else { return };
    let groups = first.costs.iter().map(|cost| cost.group);
    let heading: String = groups.map(|group| format!(" {group:>12}")).collect();
    println!(
        "\nCPU seconds per 1,000 sagas\n{:>9}{heading} {:>12}",
        "in flight", "all"
    );
    for level in levels {
        let each = level
            .costs
            .iter()
            .map(|cost| level.per_thousand(cost.cpu_seconds));
        let row: String = each
            .clone()
            .map(|seconds| format!(" {seconds:>12.3}"))
            .collect();
        println!("{:>9}{row} {:>12.3}", level.in_flight, each.sum::<f64>());
    }
    println!(
        "\nmemory, peak MB (proportional share)\n{:>9}{heading} {:>12}",
        "in flight", "all"
    );
    for level in levels {
        let each = level.costs.iter().map(|cost| cost.memory_peak_mb);
        let row: String = each
            .clone()
            .map(|megabytes| format!(" {megabytes:>12.0}"))
            .collect();
        println!("{:>9}{row} {:>12.0}", level.in_flight, each.sum::<f64>());
    }
}

pub(crate) fn print_balance(balance: &Balance) {
    println!(
        "\nconservation: {} acknowledged, {} without a clear answer, {} completed in Postgres, {} still open{}: {}",
        balance.acknowledged,
        balance.unsure,
        balance.completed_in_postgres,
        balance.still_open,
        balance
            .seats_sold
            .map_or_else(String::new, |seats| format!(", {seats} seats sold")),
        if balance.holds() {
            "holds"
        } else {
            "DOES NOT HOLD"
        }
    );
}

pub(crate) fn write_json(
    path: &Path,
    machine: &Value,
    levels: &[Level],
    balance: &Balance,
) -> Outcome {
    let levels: Vec<Value> = levels.iter().map(level_json).collect();
    let all = json!({ "machine": machine, "levels": levels, "conservation": balance });
    std::fs::write(path, format!("{all:#}\n"))
        .map_err(|e| format!("could not write {}: {e}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}

fn level_json(level: &Level) -> Value {
    let costs: serde_json::Map<String, Value> = level
        .costs
        .iter()
        .map(|cost| {
            let cpu = level.per_thousand(cost.cpu_seconds);
            let figures = json!({ "cpu_s_per_1000": cpu, "memory_peak_mb": cost.memory_peak_mb });
            (cost.group.to_owned(), figures)
        })
        .collect();
    json!({
        "in_flight": level.in_flight,
        "seconds": level.seconds,
        "completed": level.completed,
        "problems": level.problems,
        "sagas_per_second": level.per_second(),
        "p50_ms": level.latency_ms(0.50),
        "p95_ms": level.latency_ms(0.95),
        "p99_ms": level.latency_ms(0.99),
        "foreign_cpu_per_second": level.foreign_cpu / level.seconds,
        "processes": costs,
    })
}
