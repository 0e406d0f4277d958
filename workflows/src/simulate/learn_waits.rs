//! What recorded sagas teach about those outside: how many signals come, how people decide, and when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::awaits::{After, Awaits};
use super::latency::{LONGEST, Latency};
use super::learn::{ATTEMPTS_MIN, Learned, OUTPUTS_MAX, quantiles, varied};
use super::units::Share;
use crate::definition::{Definition, Kind};
use crate::record::{Came, Story};
use crate::rehearse::{MILLI, Micros};

/// What was seen of all steps that waited, by their ids.
#[derive(Debug, Default)]
pub(super) struct SeenWaits(BTreeMap<String, SeenWait>);

/// Of one step.
#[derive(Debug, Default)]
struct SeenWait {
    waits: u64,
    early: u64,
    approved: u64,
    denied: u64,
    /// Until the signal or the decision came; not of those that were early.
    after: Vec<Micros>,
    payloads: Vec<Value>,
}

impl SeenWaits {
    /// Adds up what one saga shows.
    pub(super) fn add(&mut self, story: &Story) {
        for waited in &story.waits {
            let seen = self.0.entry(waited.step.clone()).or_default();
            seen.waits += 1;
            let after = waited.after * MILLI;
            match &waited.came {
                Came::Nothing => {}
                Came::Signal { payload, early } => {
                    if *early {
                        seen.early += 1;
                    } else {
                        seen.after.push(after);
                    }
                    if seen.payloads.len() < OUTPUTS_MAX {
                        seen.payloads.push(payload.clone());
                    }
                }
                Came::Decision { approved } => {
                    seen.approved += u64::from(*approved);
                    seen.denied += u64::from(!*approved);
                    seen.after.push(after);
                }
            }
        }
    }

    /// Puts it into the profile; what was seen too seldom is named.
    pub(super) fn teach(mut self, definition: &Definition, learned: &mut Learned) {
        for (step, assumed) in definition.steps.iter().zip(&mut learned.profile.steps) {
            let what = match step.kind {
                Kind::Wait(_) => "signal",
                Kind::Approve { .. } => "decision",
                Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } => continue,
            };
            let seen = self.0.remove(&step.id).unwrap_or_default();
            if !seen.payloads.is_empty() {
                assumed.outputs = varied(seen.payloads.clone());
            }
            if seen.waits < ATTEMPTS_MIN as u64 {
                let often = usize::try_from(seen.waits).unwrap_or(usize::MAX);
                learned.seldom.push((format!("{} {what}", step.id), often));
                continue;
            }
            assumed.awaits = seen.awaits(&assumed.awaits);
        }
    }
}

impl SeenWait {
    fn awaits(&self, assumed: &Awaits) -> Awaits {
        let share = |count: u64, of: u64| Share::of(count, of).0;
        let after = |assumed: &After| match self.after.is_empty() {
            // Nothing ever came while somebody waited: how long it takes is not known.
            true => assumed.clone(),
            false => After {
                latency: Latency::Quantiles(quantiles(&self.after)),
                latest: LONGEST,
            },
        };
        match assumed {
            Awaits::Nothing => Awaits::Nothing,
            Awaits::Signal { after: assumed, .. } => {
                let came = self.early + self.after.len() as u64;
                Awaits::Signal {
                    comes: share(came, self.waits),
                    early: share(self.early, came),
                    after: after(assumed),
                }
            }
            Awaits::Decision { after: assumed, .. } => Awaits::Decision {
                approved: share(self.approved, self.waits),
                denied: share(self.denied, self.waits),
                after: after(assumed),
            },
        }
    }
}
