//! What a simulation assumes about the participants: how long their tasks take, and how often they go wrong.
//!
//! One [`Manner`] for each operation of each step, and what comes to a step that waits ([`Awaits`]). Where nothing is given the assumptions are those of a healthy
//! service that has a bad minute now and then; they are written down here, and reports say that they were used.

use std::collections::BTreeMap;

use serde_json::Value;

use super::awaits::Awaits;
use super::latency::Latency;
use super::random::{MILLION, Ppm};
use crate::StepIndex;
use crate::definition::{Definition, Kind, Step};
use crate::rehearse::{MILLI, Micros, example_input, example_outputs, latest};
use crate::saga::Operation;

/// Assumptions about everybody who takes part in sagas of one definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Inputs that sagas are started with, each as often as the others.
    pub(crate) inputs: Vec<Value>,
    /// By step.
    pub(crate) steps: Vec<StepProfile>,
    /// What engine and broker add to each task: nobody works meanwhile.
    pub(crate) overhead: Micros,
    /// Tasks that one replica of a pool works on at the same time.
    pub(crate) slots: BTreeMap<String, u32>,
}

/// Assumptions about one step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepProfile {
    pub(crate) forward: Manner,
    pub(crate) undo: Manner,
    pub(crate) reconcile: Manner,
    /// What comes to it, when it asks nobody.
    pub(crate) awaits: Awaits,
    /// The last instant before its wait is over, from the beginning of the wait.
    pub(crate) latest: Micros,
    /// Outputs that its success gives, each as often as the others; with `each` those of one item.
    pub(crate) outputs: Vec<Value>,
    /// The step that makes its effect last, when the effect expires by itself.
    pub(crate) pinned_by: Option<Pinned>,
}

/// Who makes an effect last, and what the pinning step says when it comes too late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pinned {
    pub(crate) by: StepIndex,
    pub(crate) lapsed: String,
}

/// How one operation of a step fares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manner {
    pub(crate) latency: Latency,
    /// Business noes by code.
    pub(crate) rejected: BTreeMap<String, Ppm>,
    /// An attempt fails and has done nothing.
    pub(crate) failed: Ppm,
    /// An attempt is answered "unknown".
    pub(crate) unknown: Chance,
    /// An attempt is never answered.
    pub(crate) lost: Chance,
    /// Asked to reconcile: it cannot be told yet.
    pub(crate) still_open: Ppm,
    /// Sagas for which every attempt fails: an outage that outlasts the retries.
    pub(crate) broken: Ppm,
}

/// A share of attempts, and the share of those that did what they were asked all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chance {
    pub(crate) share: Ppm,
    pub(crate) acted: Ppm,
}

/// Half of the doubtful attempts acted: whoever knows better says so.
pub(crate) const ACTED: Ppm = MILLION / 2;

/// Noes of a step that names codes which are not tried again, all of them together: one in fifty.
const REJECTED: Ppm = 20_000;

/// Child sagas that are undone.
const CHILD_UNDONE: Ppm = 10_000;

/// Child sagas that stand before a human: for their parent they never end.
const CHILD_STUCK: Ppm = 1_000;

/// Two milliseconds: a commit and two hops through the broker on one machine, measured.
const OVERHEAD: Micros = 2 * MILLI;

/// What the pinning step says when nothing else is given.
pub(crate) const LAPSED: &str = "lapsed";

impl Manner {
    /// A healthy service: half of its tasks under 20 ms, one in a hundred over 200 ms; one attempt in five hundred
    /// fails, one in two thousand is doubtful, one saga in ten thousand meets an outage.
    pub(crate) fn healthy() -> Manner {
        let chance = Chance {
            share: 250,
            acted: ACTED,
        };
        Manner {
            latency: Latency::Quantiles(vec![
                (0, 10 * MILLI),
                (500_000, 20 * MILLI),
                (950_000, 60 * MILLI),
                (990_000, 200 * MILLI),
                (MILLION, 1_000 * MILLI),
            ]),
            rejected: BTreeMap::new(),
            failed: 2_000,
            unknown: chance,
            lost: chance,
            still_open: 0,
            broken: 100,
        }
    }

    /// Child sagas: half end within 200 ms, one in a hundred takes over five seconds; one in a hundred is undone, one
    /// in a thousand stands before a human. None of them fails or is lost: the engine runs it.
    pub(crate) fn healthy_child() -> Manner {
        Manner {
            latency: Latency::Quantiles(vec![
                (0, 50 * MILLI),
                (500_000, 200 * MILLI),
                (950_000, 1_000 * MILLI),
                (990_000, 5_000 * MILLI),
                (MILLION, 60_000 * MILLI),
            ]),
            rejected: BTreeMap::from([("compensated".to_owned(), CHILD_UNDONE)]),
            lost: Chance {
                share: CHILD_STUCK,
                acted: 0,
            },
            ..Manner::healthy().faultless()
        }
    }

    fn faultless(&self) -> Manner {
        let never = Chance { share: 0, acted: 0 };
        Manner {
            latency: self.latency.clone(),
            rejected: BTreeMap::new(),
            failed: 0,
            unknown: never,
            lost: never,
            still_open: 0,
            broken: 0,
        }
    }
}

impl Profile {
    /// What is assumed about a definition's participants when nothing is given.
    pub fn healthy(definition: &Definition) -> Profile {
        let steps = definition
            .steps
            .iter()
            .zip(example_outputs(definition))
            .enumerate()
            .map(|(index, (step, output))| StepProfile {
                awaits: Awaits::healthy(definition, index),
                latest: latest(definition, index),
                ..StepProfile::healthy(step, output)
            })
            .collect();
        Profile {
            inputs: vec![example_input(definition)],
            steps,
            overhead: OVERHEAD,
            slots: BTreeMap::new(),
        }
    }

    /// Sets how many tasks a replica of a pool works on at the same time, unless the profile says.
    pub fn default_slots(&mut self, pool: &str, slots: u32) {
        self.slots.entry(pool.to_owned()).or_insert(slots);
    }

    /// The same participants on a day without any fault; they take as long as ever.
    pub(crate) fn faultless(&self) -> Profile {
        self.each(|manner| manner.faultless(), false)
    }

    /// Without any fault, and at once.
    pub(crate) fn calm(&self) -> Profile {
        let calm = |manner: &Manner| Manner {
            latency: Latency::Constant(MILLI),
            ..manner.faultless()
        };
        self.each(calm, true)
    }

    fn each(&self, change: impl Fn(&Manner) -> Manner, at_once: bool) -> Profile {
        let mut profile = self.clone();
        for step in &mut profile.steps {
            step.awaits = step.awaits.faultless(step.latest, at_once);
            for manner in [&mut step.forward, &mut step.undo, &mut step.reconcile] {
                *manner = change(manner);
            }
        }
        profile
    }

    pub(crate) fn manner(&self, step: StepIndex, operation: Operation) -> &Manner {
        let step = &self.steps[step];
        match operation {
            Operation::Forward => &step.forward,
            Operation::Compensate => &step.undo,
            Operation::Reconcile => &step.reconcile,
        }
    }
}

impl StepProfile {
    fn healthy(step: &Step, output: Value) -> StepProfile {
        let codes = &step.retry.unless;
        let each =
            u32::try_from(codes.len()).map_or(0, |count| REJECTED.checked_div(count).unwrap_or(0));
        let rejected = codes.iter().map(|code| (code.clone(), each)).collect();
        let forward = match step.kind {
            Kind::Saga(_) => Manner::healthy_child(),
            Kind::Task(_) | Kind::Sleep { .. } | Kind::Wait(_) | Kind::Approve { .. } => Manner {
                rejected,
                ..Manner::healthy()
            },
        };
        StepProfile {
            forward,
            undo: Manner::healthy(),
            reconcile: Manner::healthy(),
            awaits: Awaits::Nothing,
            latest: 0,
            outputs: vec![output],
            pinned_by: None,
        }
    }
}
