//! Everything that is committed, as text.

use std::path::{Path, PathBuf};

use crate::alerts::{self, ALERTMANAGER};
use crate::{boards, grafana, promtool, rules};

/// A committed file.
#[derive(Clone, Debug)]
pub struct File {
    /// Below the repository.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The repository.
pub fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// All of them.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut add = |path: String, text: String| files.push(File { path, text });
    let boards = boards::all();
    for board in &boards {
        let path = format!("dashboards/grafana/{}.json", board.uid);
        add(path, grafana::document(board, &boards));
    }
    let groups = alerts::groups();
    for group in &groups {
        let one = std::slice::from_ref(group);
        add(
            format!("dashboards/alerts/{}.yaml", group.name),
            rules::file(one),
        );
        let mut names: Vec<&str> = group.alerts.iter().map(|alert| alert.name).collect();
        names.dedup();
        for name in names {
            let path = format!("dashboards/alerts/tests/{name}.yaml");
            add(path, promtool::file(group, name));
        }
    }
    add(
        "dashboards/alertmanager.yaml".to_owned(),
        ALERTMANAGER.to_owned(),
    );
    add(
        "dashboards/prometheus-rule.yaml".to_owned(),
        rules::manifest(&groups),
    );
    add("docs/metrics.md".to_owned(), impresario_metrics::document());
    files
}
