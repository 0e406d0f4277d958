//! Every alert has a runbook of six headings with something to copy, and every runbook an alert.

use std::collections::BTreeSet;

use impresario_dashboards::{alerts, folder};

const HEADINGS: [&str; 6] = [
    "## Meaning",
    "## Impact",
    "## Diagnosis",
    "## Mitigation",
    "## Verification",
    "## Escalation",
];

#[test]
fn every_alert_has_a_runbook_that_can_be_followed() {
    let mut alerts = BTreeSet::new();
    for group in alerts::groups() {
        alerts.extend(group.alerts.iter().map(|alert| alert.name));
    }
    let runbooks = folder().join("docs/runbooks");
    for name in &alerts {
        let path = runbooks.join(format!("{name}.md"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text.starts_with(&format!("# {name}\n")),
            "{} is missing",
            path.display()
        );
        let mut from = 0;
        for heading in HEADINGS {
            let at = text[from..].find(heading);
            from +=
                at.unwrap_or_else(|| panic!("{name}: {heading} is missing, or not in its place"));
        }
        assert!(text.matches("```").count() >= 2, "{name}: nothing to copy");
    }
    for entry in std::fs::read_dir(runbooks).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.trim_end_matches(".md");
        assert!(
            name == "README" || alerts.contains(name),
            "no alert is called {name}"
        );
    }
}
