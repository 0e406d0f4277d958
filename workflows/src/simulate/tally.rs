//! Adds sagas up: how they ended, why, how long it took, and a digest of all of it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::spread::Spread;
use super::units::Share;
use crate::definition::Definition;
use crate::rehearse::{End, Ended, Micros, Reason};
use crate::saga::State;

/// Sums over many sagas.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sagas: u64,
    inputs: u64,
    /// End-to-end latencies by end, in the order of [`End::ALL`].
    latencies: [Vec<Micros>; End::ALL.len()],
    reasons: BTreeMap<(End, Reason), u64>,
    digest: Sha256,
}

impl Tally {
    pub(crate) fn add(&mut self, definition: &Definition, state: &State, ended: &Ended) {
        self.sagas += 1;
        self.inputs += u64::from(ended.inputs);
        self.latencies[place(ended.end)].push(ended.after);
        if ended.end != End::Completed {
            let reason = Reason::of(definition, state);
            *self.reasons.entry((ended.end, reason)).or_default() += 1;
        }
        self.digest.update([place(ended.end) as u8]);
        self.digest.update(ended.after.to_be_bytes());
        self.digest.update(ended.inputs.to_be_bytes());
    }

    pub(crate) fn sagas(&self) -> u64 {
        self.sagas
    }

    /// Inputs that were decided.
    pub(crate) fn inputs(&self) -> u64 {
        self.inputs
    }

    pub(crate) fn count(&self, end: End) -> u64 {
        self.latencies[place(end)].len() as u64
    }

    /// The digest of every saga's end, in order: equal on two machines exactly when they simulated the same.
    pub(crate) fn digest(&self) -> String {
        let digest = self.digest.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The ends that occurred.
    pub(crate) fn ends(&mut self) -> Vec<EndReport> {
        let sagas = self.sagas;
        let ends = End::ALL.iter().zip(&mut self.latencies);
        ends.filter(|(_, latencies)| !latencies.is_empty())
            .map(|(end, latencies)| EndReport {
                end: end.as_str(),
                sagas: latencies.len() as u64,
                share: Share::of(latencies.len() as u64, sagas),
                latency: Spread::of(latencies),
            })
            .collect()
    }

    /// Why sagas did not complete, the commonest first.
    pub(crate) fn reasons(&self) -> Vec<ReasonReport> {
        let mut reasons: Vec<ReasonReport> = self
            .reasons
            .iter()
            .map(|((end, reason), sagas)| ReasonReport {
                end: end.as_str(),
                step: reason.step.clone(),
                code: reason.code.clone(),
                sagas: *sagas,
                share: Share::of(*sagas, self.sagas),
            })
            .collect();
        // Stable: equal ones stay in the order of ends, codes and steps.
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.sagas));
        reasons
    }
}

fn place(end: End) -> usize {
    match end {
        End::Completed => 0,
        End::Compensated => 1,
        End::Stuck => 2,
        End::Endless => 3,
    }
}

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EndReport {
    /// `completed`, `compensated`, `stuck` or `endless`.
    pub end: &'static str,
    /// So many sagas.
    pub sagas: u64,
    /// Of all.
    pub share: Share,
    /// From the start to the last fact.
    pub latency: Spread,
}

/// One reason for not completing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReasonReport {
    /// How the sagas ended.
    pub end: &'static str,
    /// The step that it is about.
    pub step: Option<String>,
    /// The code of the cause or the problem.
    pub code: String,
    /// So many sagas.
    pub sagas: u64,
    /// Of all.
    pub share: Share,
}
