//! A board as Grafana's JSON: schema 39, every data source by variable, ids by place so that a diff is small.

use serde_json::{Value, json};

use crate::panel::{Board, Draw, Panel, Scale};

const SCHEMA: u32 = 39;

/// Grafana's grid.
const WIDTH: usize = 24;
const HEIGHT: usize = 8;
const STAT_HEIGHT: usize = 4;
/// Panels next to each other at most.
const COLUMNS: usize = 3;
const STAT_COLUMNS: usize = 6;

pub(crate) fn document(board: &Board, all: &[Board]) -> String {
    let mut panels = Vec::new();
    let (mut id, mut y) = (1, 0);
    for row in &board.rows {
        panels.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": WIDTH, "h": 1 },
        }));
        (id, y) = (id + 1, y + 1);
        let stats = row.panels.iter().all(|panel| panel.draw == Draw::Stat);
        let (columns, height) = match stats {
            true => (row.panels.len().clamp(1, STAT_COLUMNS), STAT_HEIGHT),
            false => (row.panels.len().clamp(1, COLUMNS), HEIGHT),
        };
        for (place, panel) in row.panels.iter().enumerate() {
            let (column, line) = (place % columns, place / columns);
            let width = WIDTH / columns;
            let grid = json!({
                "x": column * width, "y": y + line * height, "w": width, "h": height,
            });
            panels.push(picture(panel, id, &grid));
            id += 1;
        }
        y += row.panels.len().div_ceil(columns) * height;
    }
    let text = serde_json::to_string_pretty(&json!({
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["impresario"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": { "from": "now-1h", "to": "now" },
        "links": links(board, all),
        "templating": { "list": variables(board) },
        "annotations": { "list": [deploys()] },
        "panels": panels,
    }));
    // Values made of texts and numbers.
    text.unwrap_or_default() + "\n"
}

fn links(board: &Board, all: &[Board]) -> Vec<Value> {
    let others = all.iter().filter(|other| other.uid != board.uid);
    let traces = board.traces.map(|service| {
        json!({
            "title": "Traces", "type": "link", "icon": "external link",
            "url": format!("${{traces}}/search?service={service}&limit=50&lookback=1h"),
            "keepTime": false, "includeVars": false, "targetBlank": true,
            "tags": [], "asDropdown": false,
            "tooltip": "In Jaeger; a saga is found by its tag saga.id.",
        })
    });
    others
        .map(|other| {
            json!({
                "title": other.title, "type": "link", "url": format!("/d/{}", other.uid),
                "keepTime": true, "includeVars": true, "targetBlank": false, "icon": "dashboard",
                "tags": [], "asDropdown": false, "tooltip": other.description,
            })
        })
        .chain(traces)
        .collect()
}

/// Where a Jaeger is, as `kubectl port-forward` shows it; to be changed where there is an address for people.
const TRACES: &str = "http://localhost:16686";

fn variables(board: &Board) -> Vec<Value> {
    let mut variables = vec![json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "refresh": 1, "regex": "", "includeAll": false, "multi": false,
    })];
    for (name, label, query) in [
        (
            "saga_type",
            "Definition",
            "label_values(saga_started_total, saga_type)",
        ),
        ("pool", "Pool", "label_values(saga_worker_slots, pool)"),
    ] {
        let used = board.rows.iter().flat_map(|row| &row.panels).any(|panel| {
            let mut queries = panel.queries.iter();
            queries.any(|query| query.expr.contains(&format!("${name}")))
        });
        if used {
            variables.push(json!({
                "name": name, "label": label, "type": "query", "query": query,
                "datasource": { "type": "prometheus", "uid": "${datasource}" },
                "refresh": 2, "sort": 1, "includeAll": true, "multi": true, "allValue": ".*",
                "current": { "text": "All", "value": "$__all" }, "hide": 0, "regex": "",
            }));
        }
    }
    if board.traces.is_some() {
        variables.push(json!({
            "name": "traces", "label": "Traces", "type": "textbox", "query": TRACES, "hide": 0,
            "current": { "text": TRACES, "value": TRACES },
        }));
    }
    variables
}

/// A mark wherever another version was rolled out.
fn deploys() -> Value {
    json!({
        "name": "Deploys", "enable": true, "iconColor": "blue", "hide": false,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "expr": format!("count by (version) ({}) unless count by (version) ({} offset 1m)",
            impresario_metrics::table::BUILD_INFO, impresario_metrics::table::BUILD_INFO),
        "titleFormat": "{{version}}",
    })
}

fn picture(panel: &Panel, id: usize, grid: &Value) -> Value {
    let targets: Vec<Value> = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|(query, reference)| {
            json!({
                "refId": reference.to_string(),
                "datasource": { "type": "prometheus", "uid": "${datasource}" },
                "expr": query.expr,
                "legendFormat": query.legend,
                "instant": matches!(panel.draw, Draw::Stat | Draw::Table),
                "range": matches!(panel.draw, Draw::Lines | Draw::Stacked),
                "format": if panel.draw == Draw::Table { "table" } else { "time_series" },
            })
        })
        .collect();
    json!({
        "id": id,
        "type": kind(panel.draw),
        "title": panel.title,
        "description": panel.description,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "gridPos": grid,
        "targets": targets,
        "fieldConfig": { "defaults": defaults(panel), "overrides": [] },
        "options": options(panel.draw),
    })
}

fn kind(draw: Draw) -> &'static str {
    match draw {
        Draw::Stat => "stat",
        Draw::Lines | Draw::Stacked => "timeseries",
        Draw::Table => "table",
    }
}

fn defaults(panel: &Panel) -> Value {
    let stacking = match panel.draw {
        Draw::Stacked => "normal",
        Draw::Stat | Draw::Lines | Draw::Table => "none",
    };
    let fill = if panel.draw == Draw::Stacked { 40 } else { 8 };
    json!({
        "unit": unit(panel.scale),
        "min": 0,
        "noValue": "none",
        "custom": { "fillOpacity": fill, "stacking": { "mode": stacking }, "showPoints": "never" },
    })
}

fn unit(scale: Scale) -> &'static str {
    match scale {
        Scale::Count => "short",
        Scale::PerSecond => "cps",
        Scale::PerMinute => "cpm",
        Scale::Share => "percentunit",
        Scale::Seconds => "s",
        Scale::Bytes => "bytes",
        Scale::BytesPerSecond => "Bps",
        Scale::MinorUnits => "locale",
        Scale::Flag => "bool_yes_no",
    }
}

fn options(draw: Draw) -> Value {
    match draw {
        Draw::Stat => json!({ "reduceOptions": { "calcs": ["lastNotNull"] }, "graphMode": "none" }),
        Draw::Lines | Draw::Stacked => json!({
            "legend": { "displayMode": "list", "placement": "bottom" },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        Draw::Table => json!({ "showHeader": true }),
    }
}
