//! The table for people: `docs/metrics.md`.

use std::fmt::Write;

use crate::metric::{Kind, Meta, Role, Unit, Values};
use crate::{SERIES_MAX, table};

/// The page, whole.
pub fn document() -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _written = write(&mut page);
    page
}

fn write(page: &mut String) -> std::fmt::Result {
    writeln!(page, "# Metrics\n")?;
    writeln!(
        page,
        "<!-- Made by `cargo xtask dashboards` from metrics/src/table.rs. -->\n"
    )?;
    writeln!(
        page,
        "Every process answers `/metrics` in Prometheus' text format: the orchestrator on its API's port, workers on their \
         health port, the sandbox provider on its own. A process shows at most {SERIES_MAX} series, whatever customers upload: \
         each metric has a bound on its sets of labels, and what comes after that is counted under `other`. Counters whose \
         labels are known beforehand are there from the start, at zero.\n"
    )?;
    writeln!(
        page,
        "Names follow Prometheus: base units, `_total` for what only grows. No label holds an id, a URL, a sentence or \
         anything about a person.\n"
    )?;
    for (title, role) in [
        ("Every process", Role::Any),
        ("Orchestrator", Role::Orchestrator),
        ("Workers", Role::Worker),
        ("Pool catalog", Role::Pool("catalog")),
        ("Pool payment", Role::Pool("payment")),
        ("Pool booking", Role::Pool("booking")),
        ("Pool notification", Role::Pool("notification")),
        ("Sandbox provider", Role::Provider),
    ] {
        let own: Vec<&Meta> = table::ALL
            .iter()
            .map(|(meta, _)| *meta)
            .filter(|meta| meta.roles.contains(&role))
            .collect();
        if own.is_empty() {
            continue;
        }
        writeln!(page, "## {title}\n")?;
        writeln!(
            page,
            "| metric | kind | labels | series at most | |\n|---|---|---|---|---|"
        )?;
        for meta in own {
            let labels: Vec<String> = meta.labels.iter().map(label).collect();
            writeln!(
                page,
                "| `{}` | {} | {} | {} | {} |",
                meta.name,
                kind(meta),
                labels.join("; "),
                meta.series_max(),
                meta.help
            )?;
        }
        page.push('\n');
    }
    Ok(())
}

fn label(label: &crate::Label) -> String {
    match label.values {
        Values::Named => format!("`{}`", label.name),
        Values::Words(words) => format!("`{}`: {}", label.name, words.join(", ")),
    }
}

fn kind(meta: &Meta) -> String {
    let unit = match meta.unit {
        Unit::Count => "",
        Unit::Seconds => ", seconds",
        Unit::Bytes => ", bytes",
        Unit::Instant => ", Unix seconds",
        Unit::MinorUnits => ", minor units",
        Unit::Flag => ", 0 or 1",
    };
    match meta.kind {
        Kind::Histogram(buckets) => {
            let bounds: Vec<String> = buckets.iter().map(f64::to_string).collect();
            format!("histogram{unit} ({})", bounds.join(" "))
        }
        Kind::Counter | Kind::Gauge => format!("{}{unit}", meta.kind.as_str()),
    }
}
