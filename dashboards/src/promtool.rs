//! promtool's tests of an alert: it fires, just under its limit it does not, it ends when the trouble does, and when its
//! series are missing it does what it says.
//!
//! A sample a minute. Whether an alert fires is asked of `ALERTS`, so that its texts may change without their tests.

use std::fmt::Write;

use crate::alerts::{Alert, Course, Group, Severity, Signal};
use crate::rules::quoted;

/// After the trouble, so many minutes more than the trouble took: the longest window that must forget it is six hours,
/// and an eleventh of it is enough to be below the limit.
const QUIET: usize = 60;

#[derive(Clone, Copy)]
enum Case {
    Fires,
    JustUnder,
    Ends,
    Missing,
}

/// The test file of the alerts of one name, all of one group.
pub fn file(group: &Group, name: &str) -> String {
    // Days are looked at less closely: promtool would take minutes.
    let is_long = group.records.len() > 1;
    let every = if is_long { "5m" } else { "1m" };
    let mut text = format!(
        "# Made by `cargo xtask dashboards` from dashboards/src/alerts.\nrule_files:\n  - ../{}.yaml\nevaluation_interval: {every}\ntests:\n",
        group.name
    );
    for alert in group.alerts.iter().filter(|alert| alert.name == name) {
        let cases = match alert.severity {
            Severity::Page | Severity::Ticket => {
                [Case::Fires, Case::JustUnder, Case::Ends, Case::Missing].as_slice()
            }
            // Always fires: there is nothing else to see.
            Severity::Heartbeat => &[Case::Fires],
        };
        for case in cases {
            // Writing to a string cannot fail.
            let _written = write_case(&mut text, alert, *case);
        }
    }
    text
}

fn write_case(text: &mut String, alert: &Alert, case: Case) -> std::fmt::Result {
    let minutes = alert.trial.minutes;
    let (title, looks) = match case {
        Case::Fires => ("fires", vec![(minutes, true)]),
        Case::JustUnder => ("does not fire just under its limit", vec![(minutes, false)]),
        Case::Ends => (
            "ends with the trouble",
            vec![(minutes, true), (2 * minutes + QUIET, false)],
        ),
        Case::Missing => (
            "with its series missing",
            vec![(minutes, alert.trial.fires_when_missing)],
        ),
    };
    let labels: String = alert
        .labels
        .iter()
        .map(|(name, value)| format!(",{name}=\"{value}\""))
        .collect();
    let series: Vec<(String, String)> = alert
        .trial
        .signals
        .iter()
        .filter_map(|signal| Some((signal.series.clone(), values(signal, case, minutes)?)))
        .collect();
    writeln!(
        text,
        "  - name: {}",
        quoted(&format!("{}{labels}: {title}", alert.name))
    )?;
    writeln!(text, "    interval: 1m")?;
    if series.is_empty() {
        writeln!(text, "    input_series: []")?;
    } else {
        writeln!(text, "    input_series:")?;
    }
    for (series, values) in series {
        writeln!(text, "      - series: {}", quoted(&series))?;
        writeln!(text, "        values: {}", quoted(&values))?;
    }
    writeln!(text, "    promql_expr_test:")?;
    for (minute, fires) in looks {
        let expr = format!(
            r#"count(ALERTS{{alertname="{}",alertstate="firing"{labels}}}) > bool 0"#,
            alert.name
        );
        writeln!(text, "      - expr: {}", quoted(&expr))?;
        writeln!(text, "        eval_time: {minute}m")?;
        if fires {
            writeln!(
                text,
                "        exp_samples:\n          - labels: '{{}}'\n            value: 1"
            )?;
        } else {
            writeln!(text, "        exp_samples: []")?;
        }
    }
    Ok(())
}

/// The samples of a series, in promtool's shorthand; none when it is missing.
fn values(signal: &Signal, case: Case, minutes: usize) -> Option<String> {
    let quiet = minutes + QUIET;
    let whole = minutes + quiet;
    Some(match (signal.course, case) {
        (_, Case::Missing) | (Course::Missing(_), Case::Fires) => return None,
        (Course::Level(trouble, _, _), Case::Fires) => format!("{trouble}+0x{whole}"),
        (Course::Level(_, nearly, _), Case::JustUnder) => format!("{nearly}+0x{whole}"),
        (Course::Level(trouble, _, well), Case::Ends) => {
            format!("{trouble}+0x{minutes} {well}+0x{quiet}")
        }
        (Course::Growth(trouble, _, _), Case::Fires) => format!("0+{trouble}x{whole}"),
        (Course::Growth(_, nearly, _), Case::JustUnder) => format!("0+{nearly}x{whole}"),
        (Course::Growth(trouble, _, well), Case::Ends) => {
            let sign = if well < 0.0 { '-' } else { '+' };
            let reached = trouble * minutes as f64 + well;
            format!(
                "0+{trouble}x{minutes} {reached}{sign}{}x{quiet}",
                well.abs()
            )
        }
        (Course::Missing(value), Case::JustUnder) => format!("{value}+0x{whole}"),
        // Unlike the others, so many samples and not one more.
        (Course::Missing(value), Case::Ends) => {
            format!("_x{} {value}+0x{quiet}", minutes + 1)
        }
        (Course::Clock, Case::Fires) => format!("0+0x{whole}"),
        (Course::Clock, Case::JustUnder) => format!("0+60x{whole}"),
        (Course::Clock, Case::Ends) => {
            format!("0+0x{minutes} {}+60x{quiet}", 60 * (minutes + 1))
        }
    })
}
