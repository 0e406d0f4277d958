//! The lane's counters, by definition: resolved when a definition is first met, then an atomic add each.

use std::collections::HashMap;

use impresario_metrics::table::{
    COMPENSATION_ATTEMPTS, COMPENSATIONS_PARKED, DEDUPE_HITS, EFFECTS_MADE, EFFECTS_UNDONE, INPUTS,
    RECONCILED, SAGA_COMPLETED, SAGA_DURATION, SAGA_INPUTS, SAGA_REJECTED, SAGA_STARTED,
    SAGA_TURNED, STEP_ATTEMPTS, STEP_DURATION, STEP_RETRIES, UNKNOWN_OUTCOMES,
};
use impresario_metrics::{Count, Times};
use impresario_workflows::Definition;
use impresario_workflows::saga::{Input, Status};

use super::observe::{Answered, Attempted, Ended, Sample, Turned, Way};

/// What a lane counts with.
pub(crate) struct Meters {
    definitions: Vec<OfDefinition>,
    /// Where each is, by its hash: versions of one name count for the same series, but their steps differ.
    places: HashMap<String, usize>,
    inputs: [Count; INPUTS.len()],
    repeated: Count,
}

struct OfDefinition {
    name: String,
    started: Count,
    ended: [Count; Ended::WORDS.len()],
    lasted: [Option<Times>; Ended::WORDS.len()],
    turned: [Count; Turned::WORDS.len()],
    undone: [Count; Attempted::WORDS.len()],
    reconciled: [Count; Answered::WORDS.len()],
    retries: Count,
    unknown: Count,
    parked: Count,
    effects_made: Count,
    effects_undone: Count,
    steps: Vec<OfStep>,
}

struct OfStep {
    id: String,
    has_effect: bool,
    attempts: [Count; Attempted::WORDS.len()],
    lasted: [Option<Times>; Way::WORDS.len()],
}

impl Meters {
    /// Meters that know these definitions from the start: what is rare is seen at zero before it happens.
    pub(crate) fn new<'a>(definitions: impl IntoIterator<Item = &'a Definition>) -> Meters {
        let mut meters = Meters {
            definitions: Vec::new(),
            places: HashMap::new(),
            inputs: INPUTS.map(|input| SAGA_INPUTS.with([input])),
            repeated: DEDUPE_HITS.with(["lane"]),
        };
        for definition in definitions {
            meters.of(definition);
        }
        meters
    }

    /// A commit was won: a saga has moved from one status to another, or was started, with what that means in numbers.
    pub(crate) fn won(
        &mut self,
        definition: &Definition,
        started: bool,
        before: Status,
        after: Status,
        samples: Vec<Sample>,
    ) {
        let of = self.of(definition);
        if started {
            of.started.increment(1);
        }
        if after == Status::Stuck && (before != Status::Stuck || started) {
            of.ended[Ended::Stuck as usize].increment(1);
        }
        for sample in samples {
            of.count(sample);
        }
    }

    /// An input that changed a saga.
    pub(crate) fn input(&self, input: &Input) {
        let name = input.name();
        if let Some(place) = INPUTS.iter().position(|word| *word == name) {
            self.inputs[place].increment(1);
        }
    }

    /// News that was known already.
    pub(crate) fn repeated(&self) {
        self.repeated.increment(1);
    }

    fn of(&mut self, definition: &Definition) -> &mut OfDefinition {
        let place = match self.places.get(&definition.hash) {
            Some(place) => *place,
            None => {
                self.definitions.push(OfDefinition::new(definition));
                let place = self.definitions.len() - 1;
                self.places.insert(definition.hash.clone(), place);
                place
            }
        };
        &mut self.definitions[place]
    }
}

impl OfDefinition {
    fn new(definition: &Definition) -> OfDefinition {
        let name = definition.name.as_str();
        let steps = definition.steps.iter().map(|step| OfStep {
            id: step.id.clone(),
            has_effect: step.effect.is_some(),
            attempts: Attempted::WORDS.map(|word| STEP_ATTEMPTS.with([name, &step.id, word])),
            lasted: Default::default(),
        });
        OfDefinition {
            name: name.to_owned(),
            started: SAGA_STARTED.with([name]),
            ended: Ended::WORDS.map(|word| SAGA_COMPLETED.with([name, word])),
            lasted: Default::default(),
            turned: Turned::WORDS.map(|word| SAGA_TURNED.with([name, word])),
            undone: Attempted::WORDS.map(|word| COMPENSATION_ATTEMPTS.with([name, word])),
            reconciled: Answered::WORDS.map(|word| RECONCILED.with([name, word])),
            retries: STEP_RETRIES.with([name]),
            unknown: UNKNOWN_OUTCOMES.with([name]),
            parked: COMPENSATIONS_PARKED.with([name]),
            effects_made: EFFECTS_MADE.with([name]),
            effects_undone: EFFECTS_UNDONE.with([name]),
            steps: steps.collect(),
        }
    }

    fn count(&mut self, sample: Sample) {
        match sample {
            Sample::Attempt(step, attempted) => {
                if let Some(step) = self.steps.get(step) {
                    step.attempts[attempted as usize].increment(1);
                }
            }
            Sample::Undo(attempted) => self.undone[attempted as usize].increment(1),
            Sample::Reconcile(answered) => self.reconciled[answered as usize].increment(1),
            Sample::Retry => self.retries.increment(1),
            Sample::Unknown => self.unknown.increment(1),
            Sample::Parked => self.parked.increment(1),
            Sample::Step(step, way, took) => {
                let Some(step) = self.steps.get_mut(step) else {
                    return;
                };
                if step.has_effect {
                    match way {
                        Way::Forward => self.effects_made.increment(1),
                        Way::Compensate => self.effects_undone.increment(1),
                    }
                }
                if let Some(took) = took {
                    let place = way as usize;
                    step.lasted[place]
                        .get_or_insert_with(|| {
                            STEP_DURATION.with([&self.name, &step.id, Way::WORDS[place]])
                        })
                        .record(took);
                }
            }
            Sample::Turn(turned, code) => {
                self.turned[turned as usize].increment(1);
                // Rare, and by a code that participants choose: looked up each time.
                if let Some(code) = code {
                    SAGA_REJECTED.with([&self.name, &code]).increment(1);
                }
            }
            Sample::End(ended, lasted) => {
                let place = ended as usize;
                self.ended[place].increment(1);
                self.lasted[place]
                    .get_or_insert_with(|| SAGA_DURATION.with([&self.name, Ended::WORDS[place]]))
                    .record(lasted);
            }
        }
    }
}
