//! The figures as pictures: SVG files for the documentation, drawn from the results of the run.

mod chart;

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::load::Level;
use crate::options::Variant;
use crate::results::{Results, Series, TWO};
use chart::{Chart, Line};

/// Writes one file for each picture that the results have points for.
pub(crate) fn write(folder: &Path, results: &Results) -> Outcome {
    fs::create_dir_all(folder)
        .map_err(|e| format!("could not create {}: {e}", folder.display()))?;
    let p99 = |level: &Level| level.latencies.quantile_ms(0.99);
    let pictures = [
        (
            "throughput.svg",
            Chart {
                title: "Trivial saga: sagas a second against sagas in flight",
                across: "sagas in flight",
                up: "sagas/s",
                lines: against_load(results, Level::per_second),
            },
        ),
        (
            "latency.svg",
            Chart {
                title: "Trivial saga: p99 latency against sagas in flight",
                across: "sagas in flight",
                up: "p99, ms",
                lines: against_load(results, p99),
            },
        ),
        (
            "cpu.svg",
            Chart {
                title: "Trivial saga: CPU of all processes against sagas in flight",
                across: "sagas in flight",
                up: "CPU s per 1,000 sagas",
                lines: against_load(results, Level::cpu_per_thousand),
            },
        ),
        (
            "stored.svg",
            Chart {
                title: "Full load with ended sagas stored",
                across: "sagas stored",
                up: "CPU s per 1,000 sagas; p99, ms",
                lines: vec![
                    stored(results, "CPU s per 1,000 sagas", Level::cpu_per_thousand),
                    stored(results, "p99, ms", p99),
                ],
            },
        ),
    ];
    for (name, chart) in pictures {
        let Some(svg) = chart.svg() else { continue };
        let path = folder.join(name);
        fs::write(&path, svg).map_err(|e| format!("could not write {}: {e}", path.display()))?;
    }
    Ok(())
}

fn against_load(results: &Results, figure: fn(&Level) -> f64) -> Vec<Line> {
    let shown = |series: &&Series| series.variant == Variant::Trivial && series.system != TWO;
    let line = |series: &Series| Line {
        name: series.system.clone(),
        points: series
            .closed()
            .map(|(in_flight, level)| (in_flight as f64, figure(level)))
            .collect(),
    };
    results.series.iter().filter(shown).map(line).collect()
}

fn stored(results: &Results, name: &str, figure: fn(&Level) -> f64) -> Line {
    let points = results.stored.iter();
    Line {
        name: name.to_owned(),
        points: points
            .map(|stored| (stored.sagas as f64, figure(&stored.level)))
            .collect(),
    }
}
