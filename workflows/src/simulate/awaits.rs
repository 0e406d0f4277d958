//! What is assumed about those outside: whether the signal of a step comes, whether somebody decides, and when.

use super::latency::{LONGEST, Latency};
use super::random::{MILLION, Ppm, Random};
use crate::definition::{Definition, Kind, StepIndex};
use crate::rehearse::{Comes, Coming, MILLI, Micros, latest};

/// What comes to a step that asks nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// It is a task or another saga, or only time goes by.
    Nothing,
    Signal {
        /// Sagas whose signal comes at all.
        comes: Ppm,
        /// Of those: it comes before anybody waits for it.
        early: Ppm,
        after: After,
    },
    Decision {
        approved: Ppm,
        /// For the rest nobody decides.
        denied: Ppm,
        after: After,
    },
}

/// How long after the step began to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) latency: Latency,
    /// But not later than this.
    pub(crate) latest: Micros,
}

/// Nineteen of twenty signals come.
const COMES: Ppm = 950_000;

/// One in a hundred of them overtakes the answer to the step before.
const EARLY: Ppm = 10_000;

const APPROVED: Ppm = 900_000;

/// The remaining three in a hundred are forgotten.
const DENIED: Ppm = 70_000;

impl Awaits {
    /// What is assumed when nothing is given: half come within a tenth of the time that the definition gives, one in
    /// a hundred comes too late.
    pub(crate) fn healthy(definition: &Definition, step: StepIndex) -> Awaits {
        let within = latest(definition, step) + MILLI;
        let point = |share, takes: Micros| (share, takes.min(LONGEST));
        let after = After {
            latency: Latency::Quantiles(vec![
                point(0, within / 100),
                point(500_000, within / 10),
                point(950_000, within / 2),
                point(990_000, within),
                point(MILLION, within.saturating_mul(2)),
            ]),
            latest: LONGEST,
        };
        match definition.steps[step].kind {
            Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } => Awaits::Nothing,
            Kind::Wait(_) => Awaits::Signal {
                comes: COMES,
                early: EARLY,
                after,
            },
            Kind::Approve { .. } => Awaits::Decision {
                approved: APPROVED,
                denied: DENIED,
                after,
            },
        }
    }

    /// As definitions hope: it comes, it is a yes, it is in time. `at_once` is when nobody takes any time.
    pub(crate) fn faultless(&self, latest: Micros, at_once: bool) -> Awaits {
        let in_time = |after: &After| After {
            latency: match at_once {
                true => Latency::Constant(MILLI),
                false => after.latency.clone(),
            },
            latest,
        };
        match self {
            Awaits::Nothing => Awaits::Nothing,
            Awaits::Signal { after, .. } => Awaits::Signal {
                comes: MILLION,
                early: 0,
                after: in_time(after),
            },
            Awaits::Decision { after, .. } => Awaits::Decision {
                approved: MILLION,
                denied: 0,
                after: in_time(after),
            },
        }
    }

    /// What comes to one saga.
    pub(crate) fn draw(&self, random: &mut Random) -> Coming {
        let (what, after) = match self {
            Awaits::Nothing => return Coming::nothing(),
            Awaits::Signal {
                comes,
                early,
                after,
            } => {
                let what = match (random.ppm() < *comes, random.ppm() < *early) {
                    (true, true) => Comes::Early,
                    (true, false) => Comes::Signal,
                    (false, _) => Comes::Nothing,
                };
                (what, after)
            }
            Awaits::Decision {
                approved,
                denied,
                after,
            } => {
                let share = random.ppm();
                let what = if share < *approved {
                    Comes::Approved
                } else if share - approved < *denied {
                    Comes::Denied
                } else {
                    Comes::Nothing
                };
                (what, after)
            }
        };
        Coming {
            what,
            after: after.latency.draw(random).min(after.latest),
        }
    }
}
