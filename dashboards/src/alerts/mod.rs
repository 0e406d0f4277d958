//! When somebody is called, and when somebody is written to.
//!
//! Symptoms page ([`objectives`]: what customers feel, as burn rates of an error budget); causes are tickets unless what
//! they say cannot wait ([`causes`]). Every alert has a runbook in `docs/runbooks` and carries the series that make it
//! fire, that just do not, and that make it end: promtool is given all of them ([`crate::promtool`]).

mod absent;
mod causes;
mod objectives;
mod routes;

pub use objectives::{OBJECTIVES, Objective};
pub use routes::ALERTMANAGER;

/// Rules that are looked at together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// How often.
    pub interval: &'static str,
    /// What is computed beforehand.
    pub records: Vec<Record>,
    /// What may fire.
    pub alerts: Vec<Alert>,
}

/// A query that is computed beforehand.
#[derive(Clone, Debug)]
pub struct Record {
    /// With colons.
    pub name: String,
    /// PromQL.
    pub expr: String,
}

/// How soon somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Now, also at night.
    Page,
    /// In working hours.
    Ticket,
    /// Never: it proves that alerts arrive.
    Heartbeat,
}

impl Severity {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
            Severity::Heartbeat => "heartbeat",
        }
    }
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its name, and its runbook's.
    pub name: &'static str,
    /// PromQL.
    pub expr: String,
    /// How long it has to hold.
    pub pending: &'static str,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// Who.
    pub team: &'static str,
    /// Further labels.
    pub labels: Vec<(&'static str, String)>,
    /// One line.
    pub summary: &'static str,
    /// With the numbers.
    pub description: String,
    /// The board that shows it.
    pub board: &'static str,
    /// What it is tested with.
    pub trial: Trial,
}

/// Series that an alert is tested with.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What it looks at.
    pub signals: Vec<Signal>,
    /// Minutes after which it must fire, and after whose end it must have ended.
    pub minutes: usize,
    /// Whether it fires just because its series are missing.
    pub fires_when_missing: bool,
}

/// One series of a test, a sample a minute.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Name and labels.
    pub series: String,
    /// Its course.
    pub course: Course,
}

/// What a series does.
#[derive(Clone, Copy, Debug)]
pub enum Course {
    /// Stays at a value: in trouble, just not, and well.
    Level(f64, f64, f64),
    /// Grows by so much a minute: in trouble, just not, and well.
    Growth(f64, f64, f64),
    /// Missing in trouble, otherwise at this value.
    Missing(f64),
    /// An instant: at the beginning of time in trouble, otherwise it goes with the clock.
    Clock,
}

/// Every group.
pub fn groups() -> Vec<Group> {
    let mut groups = objectives::groups();
    groups.extend([
        causes::sagas(),
        causes::engine(),
        causes::workers(),
        causes::servers(),
        absent::group(),
    ]);
    groups
}

/// A test in which everything is at one level.
pub(crate) fn trial(minutes: usize, signals: Vec<Signal>) -> Trial {
    Trial {
        signals,
        minutes,
        fires_when_missing: false,
    }
}

pub(crate) fn level(series: impl Into<String>, trouble: f64, nearly: f64, well: f64) -> Signal {
    Signal {
        series: series.into(),
        course: Course::Level(trouble, nearly, well),
    }
}

pub(crate) fn growth(series: impl Into<String>, trouble: f64, nearly: f64, well: f64) -> Signal {
    Signal {
        series: series.into(),
        course: Course::Growth(trouble, nearly, well),
    }
}
