//! All levels of one system with one saga, closed loops first, and what each cost in its database.

use std::sync::Arc;

use crate::database::Database;
use crate::load::{self, Level, Load, Target, Times};
use crate::options::Options;
use crate::work::Work;
use crate::{Outcome, report, work};

/// A system that is to hold a rate must be able to do clearly more: at its limit any queue grows without end.
const HEADROOM: f64 = 1.2;

/// The loads of one series.
pub(super) struct Loads {
    pub(super) closed: Vec<Load>,
    /// Then at a fixed rate, if the system can.
    pub(super) rate: Option<f64>,
    /// As long as there is work, not for a time.
    pub(super) until_done: bool,
}

impl Loads {
    pub(super) fn closed(closed: Vec<Load>) -> Self {
        Self {
            closed,
            rate: None,
            until_done: false,
        }
    }
}

/// All levels of one system with one saga.
pub(super) async fn series(
    options: &Options,
    target: &Target,
    database: Option<Database<'_>>,
    system: &str,
    work: &Arc<Work>,
    loads: Loads,
) -> Outcome<Vec<Level>> {
    if !loads.until_done {
        let api = target.apis.first().ok_or("there is nobody to ask")?;
        work::probe(work, *api).await?;
    }
    report::print_heading(system);
    let times = if loads.until_done {
        Times::UntilDone
    } else {
        options.times()
    };
    let mut levels = Vec::new();
    for load in loads.closed {
        levels.push(level(target, database, work, load, times).await?);
        report::print_level(levels.last());
    }
    if let Some(rate) = loads.rate {
        let best = levels.iter().map(Level::per_second).fold(0.0, f64::max);
        let per_second = if best >= rate * HEADROOM {
            rate
        } else {
            best / 2.0
        };
        levels.push(level(target, database, work, Load::Open { per_second }, times).await?);
        report::print_level(levels.last());
    }
    report::print_costs(&levels);
    Ok(levels)
}

/// One level, with what it cost in the database.
pub(super) async fn level(
    target: &Target,
    database: Option<Database<'_>>,
    work: &Arc<Work>,
    load: Load,
    times: Times,
) -> Outcome<Level> {
    let before = database.map(Database::counters).transpose()?;
    let mut level = load::level(target, work, load, times).await?;
    if let (Some(database), Some(before)) = (database, before) {
        level.database = Some(database.counters()?.since(before, level.ended_in_all));
    }
    Ok(level)
}
