//! Dashboards and alerts, as tables: panels and rules that name metrics by the statics of `impresario-metrics`.
//!
//! [`files`] is everything that is committed: Grafana's JSON, Prometheus' rules with promtool's tests, and
//! `docs/metrics.md`. `cargo xtask dashboards` writes it; a test compares.
//!
//! Not here: Grafana, Prometheus, Alertmanager. What they make of it is tested with the real ones where there are real
//! ones (`tests/`, and `cli/tests/observed`).

pub mod alerts;
pub mod boards;
mod files;
mod grafana;
mod panel;
pub mod promtool;
pub mod query;
mod rules;

pub use files::{File, files, folder};
pub use panel::{Board, Draw, Feed, Panel, Query, Row, Scale};
