//! Every metric and label that is asked for is in the table, and every panel says what it is.

use std::collections::BTreeSet;

use impresario_dashboards::query::{plain, strangers};
use impresario_dashboards::{alerts, boards};
use serde_json::Value;

#[test]
fn panels_ask_for_what_there_is() {
    for board in boards::all() {
        for panel in board.rows.iter().flat_map(|row| &row.panels) {
            for query in &panel.queries {
                let wrong = strangers(&plain(&query.expr, "1m"), &[]);
                assert!(
                    wrong.is_empty(),
                    "{} / {}: {wrong:?}",
                    board.title,
                    panel.title
                );
            }
        }
    }
}

#[test]
fn alerts_ask_for_what_there_is() {
    for group in alerts::groups() {
        let recorded: Vec<&str> = group.records.iter().map(|one| one.name.as_str()).collect();
        let records = group.records.iter().map(|one| (&one.name, &one.expr));
        let names: Vec<String> = group.alerts.iter().map(|one| one.name.to_owned()).collect();
        let alerts = names.iter().zip(group.alerts.iter().map(|one| &one.expr));
        for (name, expr) in records.chain(alerts) {
            let wrong = strangers(expr, &recorded);
            assert!(wrong.is_empty(), "{name}: {wrong:?}");
        }
        // And the series that they are tested with are such as there are.
        for alert in &group.alerts {
            for signal in &alert.trial.signals {
                let wrong = strangers(&signal.series, &[]);
                assert!(wrong.is_empty(), "{}: {wrong:?}", alert.name);
            }
        }
    }
}

#[test]
fn boards_are_whole() {
    let all = boards::all();
    let mut titles = BTreeSet::new();
    for board in &all {
        for panel in board.rows.iter().flat_map(|row| &row.panels) {
            assert!(
                titles.insert((board.uid, panel.title)),
                "{} is there twice",
                panel.title
            );
            assert!(
                panel.description.ends_with('.'),
                "{}: no sentence",
                panel.title
            );
            for query in &panel.queries {
                // A range of its own would be empty at another resolution; hours are meant as such.
                let fixed =
                    query.expr.contains("rate(") && !query.expr.contains("$__rate_interval");
                assert!(!fixed || query.expr.contains("[1h]"), "{}", query.expr);
            }
        }
    }
    let mut uids = BTreeSet::new();
    for file in impresario_dashboards::files() {
        let is_board = file.path.ends_with(".json");
        if !is_board {
            continue;
        }
        let json: Value = serde_json::from_str(&file.text).unwrap();
        assert!(
            uids.insert(json["uid"].as_str().unwrap().to_owned()),
            "{}",
            file.path
        );
        let mut ids = BTreeSet::new();
        for panel in json["panels"].as_array().unwrap() {
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{}: an id twice",
                file.path
            );
            if panel["type"] != "row" {
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", file.path);
                assert!(
                    !panel["fieldConfig"]["defaults"]["unit"]
                        .as_str()
                        .unwrap()
                        .is_empty()
                );
            }
            let end =
                panel["gridPos"]["x"].as_u64().unwrap() + panel["gridPos"]["w"].as_u64().unwrap();
            assert!(end <= 24, "{}: off the grid", file.path);
        }
    }
    assert_eq!(uids.len(), all.len());
}
