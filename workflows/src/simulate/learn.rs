//! A profile learned from recorded sagas.
//!
//! Each attempt counts as what it was answered; a saga in which an operation never got an answer that ends the
//! question, however often it was tried, counts as one that met an outage, and its attempts do not count a second
//! time. Items of one step count as the step. Latencies are the journal's: from the dispatch to the answer, queue and broker included, so a learned
//! profile has no overhead of its own, and its capacity plan errs on the side of too many workers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::latency::Latency;
use super::learn_waits::SeenWaits;
use super::profile::{ACTED, Chance, Manner, Profile};
use super::random::{MILLION, Ppm};
use super::units::Share;
use crate::definition::{Definition, Kind, Undo};
use crate::record::{Answer, Attempt, Recording, Story};
use crate::rehearse::{MILLI, Micros, step_of_unit};
use crate::saga::{Operation, Outcome};

/// With fewer answered attempts than this, what is assumed says more than what was seen.
pub(super) const ATTEMPTS_MIN: usize = 20;

/// With fewer doubts cleared up than this, half of them are taken to have acted.
const CLEARED_MIN: u64 = 5;

/// Inputs that are kept, evenly from all: conditions should meet what they meet in production.
const INPUTS_MAX: usize = 256;

/// Outputs that are kept for a step.
pub(super) const OUTPUTS_MAX: usize = 64;

/// The quantiles that are learned.
const POINTS: [Ppm; 9] = [
    0, 100_000, 250_000, 500_000, 750_000, 900_000, 950_000, 990_000, MILLION,
];

/// A profile, and what could not be learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The profile.
    pub profile: Profile,
    /// Sagas that it was learned from.
    pub sagas: usize,
    /// Operations that were seen too seldom, with how often: for them what is healthy is assumed.
    pub seldom: Vec<(String, usize)>,
}

/// What was seen of one operation of one step.
#[derive(Clone, Debug, Default)]
struct Seen {
    takes: Vec<Micros>,
    attempts: u64,
    rejected: BTreeMap<String, u64>,
    failed: u64,
    unknown: u64,
    lost: u64,
    still_open: u64,
    sagas: u64,
    broken: u64,
    /// Doubts that reconciling cleared up: it had acted, it had not.
    acted: u64,
    idle: u64,
}

impl Learned {
    /// Learns from the recordings that are of this definition, whatever their version.
    pub fn from_recordings(definition: &Definition, recordings: &[Recording]) -> Learned {
        let ours: Vec<&Recording> = recordings
            .iter()
            .filter(|recording| recording.definition == definition.name)
            .collect();
        let mut seen: BTreeMap<(String, Operation), Seen> = BTreeMap::new();
        let mut outputs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut waits = SeenWaits::default();
        for recording in &ours {
            let story = recording.story();
            study(definition, &story, &mut seen);
            keep_outputs(&story, &mut outputs);
            waits.add(&story);
        }
        let mut learned = Learned {
            profile: Profile::healthy(definition),
            sagas: ours.len(),
            seldom: Vec::new(),
        };
        learned.inputs(&ours);
        learned.steps(definition, &seen, &mut outputs);
        waits.teach(definition, &mut learned);
        learned
    }

    fn inputs(&mut self, ours: &[&Recording]) {
        let every = ours.len().div_ceil(INPUTS_MAX).max(1);
        let inputs: Vec<Value> = ours
            .iter()
            .step_by(every)
            .map(|saga| saga.input.clone())
            .collect();
        if !inputs.is_empty() {
            self.profile.inputs = varied(inputs);
            self.profile.overhead = 0;
        }
    }

    fn steps(
        &mut self,
        definition: &Definition,
        seen: &BTreeMap<(String, Operation), Seen>,
        outputs: &mut BTreeMap<String, Vec<Value>>,
    ) {
        for (step, assumed) in definition.steps.iter().zip(&mut self.profile.steps) {
            if let Some(outputs) = outputs.remove(&step.id) {
                assumed.outputs = varied(outputs);
            }
            let has_undo = matches!(step.undo, Undo::Compensate(_));
            for (operation, has, manner) in [
                (
                    Operation::Forward,
                    step.task().is_some(),
                    &mut assumed.forward,
                ),
                (Operation::Compensate, has_undo, &mut assumed.undo),
                (
                    Operation::Reconcile,
                    step.reconcile.is_some(),
                    &mut assumed.reconcile,
                ),
            ] {
                let seen = seen.get(&(step.id.clone(), operation));
                match seen.filter(|seen| seen.takes.len() >= ATTEMPTS_MIN) {
                    Some(seen) => *manner = seen.manner(),
                    None if has => {
                        let often = seen.map_or(0, |seen| seen.takes.len());
                        self.seldom
                            .push((format!("{} {}", step.id, operation.as_str()), often));
                    }
                    None => {}
                }
            }
        }
    }
}

/// Adds up what one saga shows.
fn study(definition: &Definition, story: &Story, seen: &mut BTreeMap<(String, Operation), Seen>) {
    let mut by_operation: BTreeMap<(String, Operation), Vec<&Attempt>> = BTreeMap::new();
    for attempt in &story.attempts {
        let key = (attempt.step.clone(), attempt.operation);
        by_operation.entry(key).or_default().push(attempt);
    }
    for (key, attempts) in &by_operation {
        let cleared = by_operation.get(&(key.0.clone(), Operation::Reconcile));
        let step = step_of_unit(&key.0);
        let seen = seen.entry((step.to_owned(), key.1)).or_default();
        seen.sagas += 1;
        if key.1 == Operation::Forward && is_child(definition, step) {
            seen.add_child(attempts);
            continue;
        }
        let went_on =
            attempts.len() > 1 && attempts.iter().all(|attempt| !attempt.answer.is_final());
        if went_on
            && attempts
                .iter()
                .all(|attempt| attempt.answer != Answer::Open)
        {
            seen.broken += 1;
            continue;
        }
        attempts.iter().for_each(|attempt| seen.add(attempt));
        if key.1 == Operation::Forward {
            seen.clear_up(cleared.into_iter().flatten());
        }
    }
}

fn is_child(definition: &Definition, step: &str) -> bool {
    let step = definition.step_index(step);
    step.is_some_and(|step| matches!(definition.steps[step].kind, Kind::Saga(_)))
}

fn keep_outputs(story: &Story, outputs: &mut BTreeMap<String, Vec<Value>>) {
    for attempt in &story.attempts {
        if let Answer::Said(Outcome::Succeeded(output) | Outcome::Applied(output)) = &attempt.answer
            && attempt.operation != Operation::Compensate
        {
            let kept = outputs
                .entry(step_of_unit(&attempt.step).to_owned())
                .or_default();
            if kept.len() < OUTPUTS_MAX {
                kept.push(output.clone());
            }
        }
    }
}

impl Seen {
    fn add(&mut self, attempt: &Attempt) {
        let outcome = match &attempt.answer {
            Answer::Open | Answer::Said(Outcome::Expired | Outcome::Heartbeat) => return,
            Answer::Nothing => {
                self.attempts += 1;
                self.lost += 1;
                return;
            }
            Answer::Said(outcome) => outcome,
        };
        self.attempts += 1;
        self.takes.push(attempt.takes * MILLI);
        match outcome {
            Outcome::Rejected(problem) => {
                *self.rejected.entry(problem.code.clone()).or_default() += 1;
            }
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Unknown(_) => self.unknown += 1,
            Outcome::StillOpen(_) => self.still_open += 1,
            Outcome::Succeeded(_)
            | Outcome::Refused
            | Outcome::Applied(_)
            | Outcome::Closed(_)
            | Outcome::Expired
            | Outcome::Heartbeat => {}
        }
    }

    /// A child saga runs from its first asking to its end, however often it was asked meanwhile. One that was still
    /// asked when the recording ended says nothing; one that nobody asked any more stood before a human.
    fn add_child(&mut self, attempts: &[&Attempt]) {
        let ended = attempts.iter().find(|attempt| attempt.answer.is_final());
        match (attempts, ended) {
            ([first, ..], Some(ended)) => {
                let whole = (ended.sent_at + ended.takes).saturating_sub(first.sent_at);
                self.add(&Attempt {
                    takes: whole,
                    ..(*ended).clone()
                });
            }
            (attempts, None) if attempts.iter().all(|one| one.answer != Answer::Open) => {
                self.attempts += 1;
                self.lost += 1;
            }
            _ => {}
        }
    }

    fn clear_up<'a>(&mut self, reconciling: impl Iterator<Item = &'a &'a Attempt>) {
        for attempt in reconciling {
            match &attempt.answer {
                Answer::Said(Outcome::Applied(_)) => self.acted += 1,
                Answer::Said(Outcome::Closed(_)) => self.idle += 1,
                Answer::Said(_) | Answer::Nothing | Answer::Open => {}
            }
        }
    }

    fn manner(&self) -> Manner {
        let share = |count: u64| Share::of(count, self.attempts).0;
        let cleared = self.acted + self.idle;
        let acted = if cleared < CLEARED_MIN {
            ACTED
        } else {
            Share::of(self.acted, cleared).0
        };
        let chance = |count| Chance {
            share: share(count),
            acted,
        };
        Manner {
            latency: Latency::Quantiles(quantiles(&self.takes)),
            rejected: self
                .rejected
                .iter()
                .map(|(code, count)| (code.clone(), share(*count)))
                .collect(),
            failed: share(self.failed),
            unknown: chance(self.unknown),
            lost: chance(self.lost),
            still_open: share(self.still_open),
            broken: Share::of(self.broken, self.sagas).0,
        }
    }
}

/// Equal ones tell how often each occurred; when all are equal, one tells it too.
pub(super) fn varied(mut values: Vec<Value>) -> Vec<Value> {
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        values.truncate(1);
    }
    values
}

pub(super) fn quantiles(takes: &[Micros]) -> Vec<(Ppm, Micros)> {
    let mut takes = takes.to_vec();
    takes.sort_unstable();
    let last = takes.len().saturating_sub(1) as u64;
    let at = |share: Ppm| {
        takes
            .get((last * u64::from(share) / u64::from(MILLION)) as usize)
            .copied()
    };
    POINTS
        .into_iter()
        .filter_map(|share| Some((share, at(share)?)))
        .collect()
}
