//! What a simulation assumes about the participants: how long their tasks take, and how often they go wrong.
//!
//! One [`Manner`] for each operation of each step. Where nothing is given the assumptions are those of a healthy
//! service that has a bad minute now and then; they are written down here, and reports say that they were used.

use std::collections::BTreeMap;

use serde_json::Value;

use super::latency::Latency;
use super::random::{MILLION, Ppm};
use crate::StepIndex;
use crate::definition::{Definition, Step};
use crate::rehearse::{MILLI, Micros, example_input, example_outputs};
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
    /// Outputs that its success gives, each as often as the others.
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
            .map(|(step, output)| StepProfile::healthy(step, output))
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
        self.each(|manner| manner.faultless())
    }

    /// Without any fault, and at once.
    pub(crate) fn calm(&self) -> Profile {
        self.each(|manner| Manner {
            latency: Latency::Constant(MILLI),
            ..manner.faultless()
        })
    }

    fn each(&self, change: impl Fn(&Manner) -> Manner) -> Profile {
        let mut profile = self.clone();
        for step in &mut profile.steps {
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
        StepProfile {
            forward: Manner {
                rejected,
                ..Manner::healthy()
            },
            undo: Manner::healthy(),
            reconcile: Manner::healthy(),
            outputs: vec![output],
            pinned_by: None,
        }
    }
}
