//! What the processes of the platform measure: one table, and no way to count anything that is not in it.
//!
//! A metric is a static of [`table`] with its labels, its help and a bound on its series; whoever counts, draws or
//! raises an alarm names that static, so a renamed metric does not compile elsewhere. Nothing else in the platform
//! depends on a metrics library.
//!
//! Two ways in. What happens is counted where it happens, through handles that are resolved once ([`Counter`],
//! [`Histogram`]). What is merely so (slots, ages, depths), or counted by others ([`Tally`]), is looked up when somebody asks ([`pull`]). Both come out of
//! [`render`] in Prometheus' text format.
//!
//! Not here: who listens, dashboards, alerts.

mod document;
mod family;
mod metric;
mod process;
mod registry;
mod source;
pub mod table;

pub use document::document;
pub use family::{Counter, Gauge, Histogram, Tally};
pub use metric::{Kind, Label, Meta, Role, Unit, Values};
pub use metrics::{Counter as Count, Histogram as Times};
pub use registry::{CONTENT_TYPE, begin, render};
pub use source::{Readings, Source, pull};

/// Series that one process may show: what a Prometheus of a few gigabytes carries for fifty processes.
pub const SERIES_MAX: usize = 2_000;

/// What values over a bound are counted under.
pub const OTHER: &str = "other";
