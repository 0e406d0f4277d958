//! The real promtool and amtool: expressions parse, alerts fire when they should and only then, routes lead to whom they
//! should. Where they are missing this is skipped, loudly; in CI that is an error.

use std::path::PathBuf;
use std::process::Command;

use impresario_dashboards::query::plain;
use impresario_dashboards::{alerts, boards, folder};

/// A program, if it is installed.
fn tool(name: &str) -> Option<Command> {
    let there = Command::new(name).arg("--version").output();
    if there.is_ok_and(|ran| ran.status.success()) {
        let mut command = Command::new(name);
        command.current_dir(folder().join("dashboards"));
        return Some(command);
    }
    let is_ci =
        std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(!is_ci, "{name} is missing; cargo xtask setup installs it");
    eprintln!("SKIPPED: no {name}; cargo xtask setup installs it");
    None
}

fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?}:\n{said}");
    said
}

fn yaml_files(place: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join("dashboards").join(place)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_panel_parses() {
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    let mut text = String::from("groups:\n  - name: panels\n    rules:\n");
    let all = boards::all();
    let panels = all
        .iter()
        .flat_map(|board| &board.rows)
        .flat_map(|row| &row.panels);
    for (number, query) in panels.flat_map(|panel| &panel.queries).enumerate() {
        let expr = plain(&query.expr, "1m").replace('\'', "''");
        text += &format!("      - record: panel:query:n{number}\n        expr: '{expr}'\n");
    }
    let file = std::env::temp_dir().join(format!("impresario-panels-{}.yaml", std::process::id()));
    std::fs::write(&file, text).unwrap();
    run(promtool.args(["check", "rules"]).arg(&file));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn rules_are_right() {
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    run(promtool.args(["check", "rules"]).args(yaml_files("alerts")));
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    run(promtool
        .args(["test", "rules"])
        .args(yaml_files("alerts/tests")));
}

#[test]
fn a_test_of_an_alert_can_fail() {
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    // Given: an alert with another limit than the one that it is tested for.
    let scratch = std::env::temp_dir().join(format!("impresario-alerts-{}", std::process::id()));
    std::fs::create_dir_all(scratch.join("tests")).unwrap();
    let read = |path: &str| {
        std::fs::read_to_string(folder().join("dashboards/alerts").join(path)).unwrap()
    };
    let rules = read("engine.yaml");
    assert!(rules.contains("> 60"), "{rules}");
    std::fs::write(scratch.join("engine.yaml"), rules.replace("> 60", "> 58")).unwrap();
    std::fs::write(
        scratch.join("tests/OutboxLagHigh.yaml"),
        read("tests/OutboxLagHigh.yaml"),
    )
    .unwrap();

    let ran = promtool
        .args(["test", "rules"])
        .arg(scratch.join("tests/OutboxLagHigh.yaml"))
        .output()
        .unwrap();

    assert!(!ran.status.success(), "59 seconds are over a limit of 58");
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn everybody_gets_what_is_theirs() {
    let Some(mut amtool) = tool("amtool") else {
        return;
    };
    run(amtool.args(["check-config", "alertmanager.yaml"]));
    for (labels, receiver) in [
        (
            ["alertname=SagaStuck", "severity=page", "team=support"],
            "support-pager",
        ),
        (
            ["alertname=DependencyDown", "severity=page", "team=platform"],
            "pager",
        ),
        (
            [
                "alertname=SagaFailuresBurn",
                "severity=ticket",
                "team=platform",
            ],
            "tickets",
        ),
        (
            ["alertname=DeclinesHigh", "severity=ticket", "team=business"],
            "business",
        ),
        (
            [
                "alertname=ProviderFailing",
                "severity=ticket",
                "team=payments",
            ],
            "tickets",
        ),
        (
            ["alertname=Watchdog", "severity=heartbeat", "team=platform"],
            "heartbeat",
        ),
        // Whatever else comes is not lost.
        (
            ["alertname=Stranger", "severity=unheard", "team=nobody"],
            "tickets",
        ),
    ] {
        let Some(mut amtool) = tool("amtool") else {
            return;
        };
        let said = run(amtool
            .args([
                "config",
                "routes",
                "test",
                "--config.file=alertmanager.yaml",
            ])
            .args(labels));
        // Behind the receiver it says where the file came from.
        assert_eq!(said.lines().next(), Some(receiver), "{labels:?}");
    }
    // Every alert of ours has a way of its own, so that nothing rests on the last resort.
    for alert in alerts::groups().into_iter().flat_map(|group| group.alerts) {
        assert!(
            ["support", "platform", "business", "payments"].contains(&alert.team),
            "{}",
            alert.name
        );
    }
}
