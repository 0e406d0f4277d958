//! Everything that one run has measured.

use serde_json::Value;

use crate::Outcome;
use crate::conservation::Balance;
use crate::limits::Limits;
use crate::load::{Level, Load};
use crate::options::Variant;

/// One run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) machine: Value,
    pub(crate) series: Vec<Series>,
    pub(crate) stored: Vec<Stored>,
    /// Sizes of the tables that were asked for and not tried, and why.
    pub(crate) not_stored: Vec<(u64, String)>,
    pub(crate) limits: Option<Limits>,
    /// One for each platform that was started, by what it ran.
    pub(crate) balances: Vec<(String, Balance)>,
    /// Parts that could not be measured, and why.
    pub(crate) problems: Vec<String>,
}

/// One system with one saga, at several levels of load.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) system: String,
    pub(crate) version: String,
    pub(crate) variant: Variant,
    pub(crate) levels: Vec<Level>,
}

/// Full load with so many sagas stored before it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) sagas: u64,
    pub(crate) level: Level,
}

/// Our name in the results.
pub(crate) const OURS: &str = "Impresario";

/// And that of two orchestrators.
pub(crate) const TWO: &str = "Impresario, 2 orchestrators";

/// And with the feed on Kafka.
pub(crate) const TELLING: &str = "Impresario, with the feed";

impl Results {
    /// Every saga that was answered is there, and no other, on all platforms; and all parts could be measured.
    pub(crate) fn hold(&self) -> bool {
        self.problems.is_empty() && self.balances.iter().all(|(_, balance)| balance.holds())
    }

    /// Keeps what went wrong with a part.
    pub(crate) fn note(&mut self, part: &str, done: Outcome) {
        if let Err(problem) = done {
            let problem = format!("{part}: {problem}");
            eprintln!("error: {problem}");
            self.problems.push(problem);
        }
    }

    pub(crate) fn series(&self, system: &str, variant: Variant) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.system == system && series.variant == variant)
    }

    /// Systems in the order in which they were measured.
    pub(crate) fn systems(&self) -> Vec<&str> {
        let mut systems = Vec::new();
        for series in &self.series {
            if !systems.contains(&series.system.as_str()) {
                systems.push(series.system.as_str());
            }
        }
        systems
    }
}

impl Series {
    /// One saga after another.
    pub(crate) fn alone(&self) -> Option<&Level> {
        self.levels
            .iter()
            .find(|level| level.load == Load::Closed { in_flight: 1 })
    }

    /// The most in flight.
    pub(crate) fn full(&self) -> Option<&Level> {
        self.closed()
            .max_by_key(|(in_flight, _)| *in_flight)
            .map(|(_, level)| level)
    }

    pub(crate) fn open(&self) -> Option<&Level> {
        let open = |level: &&Level| matches!(level.load, Load::Open { .. });
        self.levels.iter().find(open)
    }

    /// Closed loops with their sagas in flight.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (usize, &Level)> {
        self.levels.iter().filter_map(|level| match level.load {
            Load::Closed { in_flight } => Some((in_flight, level)),
            Load::Open { .. } => None,
        })
    }

    /// The most sagas a second at any level.
    pub(crate) fn best(&self) -> f64 {
        self.closed()
            .map(|(_, level)| level.per_second())
            .fold(0.0, f64::max)
    }
}
