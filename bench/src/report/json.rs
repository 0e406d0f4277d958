//! All figures as one JSON document.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::table::offered;
use crate::Outcome;
use crate::load::Level;
use crate::results::{Results, Series, Stored};

pub(crate) fn write(path: &Path, results: &Results) -> Outcome {
    let series: Vec<Value> = results.series.iter().map(series).collect();
    let stored: Vec<Value> = results.stored.iter().map(stored).collect();
    let balances: Map<String, Value> = results
        .balances
        .iter()
        .map(|(what, balance)| (what.clone(), json!(balance)))
        .collect();
    let all = json!({
        "machine": results.machine,
        "limits_per_second": results.limits,
        "series": series,
        "stored": stored,
        "not_stored": results.not_stored,
        "conservation": balances,
        "problems": results.problems,
    });
    std::fs::write(path, format!("{all:#}\n"))
        .map_err(|e| format!("could not write {}: {e}", path.display()))
}

fn series(series: &Series) -> Value {
    let levels: Vec<Value> = series.levels.iter().map(level).collect();
    json!({
        "system": series.system,
        "version": series.version,
        "variant": series.variant.name(),
        "levels": levels,
    })
}

fn stored(stored: &Stored) -> Value {
    json!({ "sagas": stored.sagas, "level": level(&stored.level) })
}

fn level(level: &Level) -> Value {
    let costs: Map<String, Value> = level
        .costs
        .iter()
        .map(|cost| {
            let cpu = level.per_thousand(cost.cpu_seconds);
            let figures = json!({ "cpu_s_per_1000": cpu, "memory_peak_mb": cost.memory_peak_mb });
            (cost.group.to_owned(), figures)
        })
        .collect();
    json!({
        "load": offered(level.load),
        "seconds": level.seconds,
        "ended": level.ended,
        "problems": level.problems,
        "not_started": level.not_started,
        "sagas_per_second": level.per_second(),
        "p50_ms": level.latencies.quantile_ms(0.50),
        "p95_ms": level.latencies.quantile_ms(0.95),
        "p99_ms": level.latencies.quantile_ms(0.99),
        "cpu_s_per_1000": level.cpu_per_thousand(),
        "foreign_cores": level.foreign_cores(),
        "processes": costs,
        "postgres_per_saga": level.database,
    })
}
