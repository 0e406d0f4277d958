//! What is committed is what the tables make.

use std::collections::BTreeSet;

use impresario_dashboards::{files, folder};

#[test]
fn committed_files_are_fresh() {
    let stale: Vec<String> = files()
        .into_iter()
        .filter(|file| {
            let there = std::fs::read_to_string(folder().join(&file.path));
            there.unwrap_or_default() != file.text
        })
        .map(|file| file.path)
        .collect();
    assert!(
        stale.is_empty(),
        "cargo xtask dashboards makes these anew: {stale:#?}"
    );
}

#[test]
fn nothing_is_left_of_what_was_renamed() {
    let made: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    for place in [
        "dashboards/grafana",
        "dashboards/alerts",
        "dashboards/alerts/tests",
    ] {
        for entry in std::fs::read_dir(folder().join(place)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{place}/{}", entry.file_name().to_string_lossy());
            let is_known = entry.file_type().unwrap().is_dir() || made.contains(&name);
            assert!(is_known, "{name} is made by nothing");
        }
    }
}
