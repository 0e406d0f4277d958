//! Prometheus' rule files and promtool's tests, as text: YAML that is made of quoted lines, so that nothing in an
//! expression can be read as anything else.

use std::fmt::Write;

use crate::alerts::{Alert, Group, Record};

/// Where runbooks and boards are.
const RUNBOOKS: &str = "https://github.com/impresario/impresario/blob/main/docs/runbooks";

/// A text in YAML's single quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The groups, as `rule_files` of Prometheus take them.
pub(crate) fn file(groups: &[Group]) -> String {
    let mut text =
        String::from("# Made by `cargo xtask dashboards` from dashboards/src/alerts.\ngroups:\n");
    // Writing to a string cannot fail.
    let _written = write_groups(&mut text, groups, "");
    text
}

/// The same as an object of the Prometheus operator.
pub(crate) fn manifest(groups: &[Group]) -> String {
    let mut text = String::from(
        "# Made by `cargo xtask dashboards` from dashboards/src/alerts.\n\
         apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: impresario\nspec:\n  groups:\n",
    );
    let _written = write_groups(&mut text, groups, "  ");
    text
}

fn write_groups(text: &mut String, groups: &[Group], indent: &str) -> std::fmt::Result {
    for group in groups {
        writeln!(text, "{indent}  - name: {}", quoted(group.name))?;
        writeln!(text, "{indent}    interval: {}", group.interval)?;
        writeln!(text, "{indent}    rules:")?;
        for record in &group.records {
            write_record(text, record, indent)?;
        }
        for alert in &group.alerts {
            write_alert(text, alert, indent)?;
        }
    }
    Ok(())
}

fn write_record(text: &mut String, record: &Record, indent: &str) -> std::fmt::Result {
    writeln!(text, "{indent}      - record: {}", quoted(&record.name))?;
    writeln!(text, "{indent}        expr: {}", quoted(&record.expr))
}

fn write_alert(text: &mut String, alert: &Alert, indent: &str) -> std::fmt::Result {
    let field = |name: &str, value: &str| format!("{indent}          {name}: {}\n", quoted(value));
    writeln!(text, "{indent}      - alert: {}", quoted(alert.name))?;
    writeln!(text, "{indent}        expr: {}", quoted(&alert.expr))?;
    if alert.pending != "0m" {
        writeln!(text, "{indent}        for: {}", alert.pending)?;
    }
    writeln!(text, "{indent}        labels:")?;
    text.push_str(&field("severity", alert.severity.as_str()));
    text.push_str(&field("team", alert.team));
    for (name, value) in &alert.labels {
        text.push_str(&field(name, value));
    }
    writeln!(text, "{indent}        annotations:")?;
    text.push_str(&field("summary", alert.summary));
    text.push_str(&field("description", &alert.description));
    text.push_str(&field("dashboard", &format!("/d/{}", alert.board)));
    text.push_str(&field(
        "runbook_url",
        &format!("{RUNBOOKS}/{}.md", alert.name),
    ));
    Ok(())
}
