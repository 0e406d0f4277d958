//! A definition after all checks: what the engine runs.
//!
//! Immutable, identified by the hash of its parsed content. A value of these types has passed every check in
//! this folder, so the heart never meets an unknown step, a cycle or a side effect that nobody can undo.
//!
//! Not here: reading YAML and reporting problems (`parse`, `check`), the order of steps (`graph`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::Invariant;
use crate::Millis;
use crate::expression::{Condition, Mapping};

/// A saga has at most this many steps: sets of steps are one machine word.
pub const STEPS_MAX: usize = 64;

/// Position of a step in [`Definition::steps`], which is in topological order (the smaller id breaks ties,
/// so that the order does not depend on the order of keys in the file, which is no content).
pub type StepIndex = usize;

/// A set of steps of one definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepSet(pub u64);

impl StepSet {
    /// The empty set.
    pub const EMPTY: StepSet = StepSet(0);

    /// This set and `step`.
    pub fn with(self, step: StepIndex) -> StepSet {
        StepSet(self.0 | (1 << step))
    }

    /// Both sets together.
    pub fn union(self, other: StepSet) -> StepSet {
        StepSet(self.0 | other.0)
    }

    /// What both have.
    pub fn intersection(self, other: StepSet) -> StepSet {
        StepSet(self.0 & other.0)
    }

    /// What only this one has.
    pub fn minus(self, other: StepSet) -> StepSet {
        StepSet(self.0 & !other.0)
    }

    /// Whether `step` is in it.
    pub fn contains(self, step: StepIndex) -> bool {
        self.0 & (1 << step) != 0
    }

    /// Whether all of this set is in `other`.
    pub fn is_subset(self, other: StepSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether it has no step.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many steps it has.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its steps, lowest first.
    pub fn iter(self) -> impl Iterator<Item = StepIndex> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let lowest = rest.trailing_zeros() as StepIndex;
            rest &= rest - 1;
            Some(lowest)
        })
    }
}

/// A checked saga definition.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Name, `[a-z][a-z0-9-]*`, at most 63 characters.
    pub name: String,
    /// Version declared in the file; the hash is what counts.
    pub version: u32,
    /// SHA-256 of the canonical JSON of the parsed content, lower-case hexadecimal.
    pub hash: String,
    /// The canonical JSON itself: what is stored, and what the hash is of.
    pub canonical: String,
    /// In words, for people.
    pub description: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where support looks things up.
    pub runbook: Option<String>,
    /// Business key, for finding a saga (`key: ${{ input.booking_ref }}`).
    pub key: Option<Mapping>,
    /// Searchable attributes, evaluated at the start over `input`.
    pub attributes: BTreeMap<String, Mapping>,
    /// From the start to the instant at which a saga before its pivot turns around.
    pub deadline_ms: Option<Millis>,
    /// JSON Schema 2020-12 of the start input.
    pub input_schema: Value,
    /// Steps in topological order.
    pub steps: Vec<Step>,
    /// The step after which the saga only goes forward.
    pub pivot: Option<StepIndex>,
    /// What must be true at every end.
    pub invariants: Vec<Invariant>,
    /// What the saga answers when it completes.
    pub output: Mapping,
    /// Plural noun of its own REST surface (`bookings` gives `/v1/bookings`).
    pub rest: Option<String>,
    /// What customers may read.
    pub customer: Customer,
}

impl Definition {
    /// The step with this id.
    pub fn step_index(&self, id: &str) -> Option<StepIndex> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// Every pool that it sends tasks to, each once.
    pub fn pools(&self) -> Vec<String> {
        let mut pools: Vec<String> = self
            .steps
            .iter()
            .flat_map(Step::pools)
            .map(str::to_owned)
            .collect();
        pools.sort();
        pools.dedup();
        pools
    }

    /// All steps.
    pub fn all_steps(&self) -> StepSet {
        (0..self.steps.len()).fold(StepSet::EMPTY, StepSet::with)
    }
}

/// One node of a definition.
#[derive(Clone, Debug)]
pub struct Step {
    /// Id, `[a-z][a-z0-9_-]*`, at most 63 characters.
    pub id: String,
    /// Who works on it.
    pub task: TaskName,
    /// Direct dependencies.
    pub needs: StepSet,
    /// All steps that come before it (transitive `needs`).
    pub ancestors: StepSet,
    /// All steps that come after it.
    pub descendants: StepSet,
    /// Input of the forward task.
    pub input: Mapping,
    /// When it evaluates to false the step is skipped and its output is null.
    pub when: Option<Condition>,
    /// How long one attempt may take before the engine stops waiting for it.
    pub timeout_ms: Millis,
    /// Retries of the forward task.
    pub retry: Retry,
    /// How the step is undone, or why it need not be.
    pub undo: Undo,
    /// What to do when attempts run out without an answer.
    pub on_unknown: OnUnknown,
    /// How to ask the participant what became of the effect; needed by `on_unknown: reconcile`.
    pub reconcile: Option<Reconcile>,
    /// Whether this is the pivot.
    pub pivot: bool,
    /// Whether the step comes after the pivot (a descendant of it): only forward.
    pub after_pivot: bool,
    /// The effect's name, for invariants and for people.
    pub effect: Option<String>,
    /// What it does, in words.
    pub describe: Option<Mapping>,
    /// How long the effect lasts by itself, when it expires (a seat hold).
    pub expires_ms: Option<Millis>,
    /// The steps whose effects no longer expire once this one is done.
    pub pins: StepSet,
}

impl Step {
    /// The pools that serve it: forward, reconcile, compensate.
    fn pools(&self) -> impl Iterator<Item = &str> {
        let undo = match &self.undo {
            Undo::Compensate(compensate) => Some(compensate.task.pool.as_str()),
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
        };
        let reconcile = self
            .reconcile
            .as_ref()
            .map(|reconcile| reconcile.task.pool.as_str());
        [Some(self.task.pool.as_str()), undo, reconcile]
            .into_iter()
            .flatten()
    }
}

/// `pool/task`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskName {
    /// The pool, for example `catalog`.
    pub pool: String,
    /// The task in it, for example `hold-seats`.
    pub task: String,
}

/// How a step is undone, or why it need not be.
#[derive(Clone, Debug)]
pub enum Undo {
    /// By this task.
    Compensate(Compensate),
    /// It need not be: the definition says why.
    Nothing {
        /// The reason given in the file.
        reason: String,
    },
    /// It has no side effect.
    Readonly,
    /// It is the pivot or comes after it: the saga only goes forward from there.
    OnlyForward,
}

/// The undoing of a step.
#[derive(Clone, Debug)]
pub struct Compensate {
    /// Who does it.
    pub task: TaskName,
    /// May read `input` and outputs of the step's ancestors; never the step's own output (it may not exist:
    /// the participant finds the effect by its key).
    pub input: Mapping,
    /// How long one attempt may take.
    pub timeout_ms: Millis,
    /// Its own retry policy; exhausted, the saga is stuck.
    pub retry: Retry,
    /// What it does, in words, for previews.
    pub describe: Option<Mapping>,
}

/// The asking for an effect.
#[derive(Clone, Debug)]
pub struct Reconcile {
    /// Who answers.
    pub task: TaskName,
    /// How long one attempt may take.
    pub timeout_ms: Millis,
    /// Exhausted, a step before the pivot is compensated (which closes the effect), the pivot is stuck.
    pub retry: Retry,
}

/// Retries with exponential backoff and full jitter.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all; `None` is without bound.
    pub attempts_max: Option<u32>,
    /// Backoff before the second attempt.
    pub initial_ms: Millis,
    /// The backoff doubles up to this.
    pub max_ms: Millis,
    /// Rejections and failures with these codes are not tried again.
    pub unless: Vec<String>,
}

impl Retry {
    /// Wait before the attempt after `spent` ones: exponential, then scaled by `jitter` in 0..=1000 thousandths
    /// between half and full, so that a thousand sagas that failed together do not come back together.
    pub fn backoff_ms(&self, spent: u32, jitter_permille: u16) -> Millis {
        let doublings = spent.saturating_sub(1).min(32);
        let full = self
            .initial_ms
            .saturating_mul(1 << doublings)
            .min(self.max_ms);
        let half = full / 2;
        half + (full - half).saturating_mul(u64::from(jitter_permille.min(1000))) / 1000
    }

    /// Whether `spent` attempts are all there are.
    pub fn exhausted(&self, spent: u32) -> bool {
        self.attempts_max.is_some_and(|max| spent >= max)
    }
}

/// What attempts that ran out without an answer mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Go on with the same key, without bound (the deadline and operators still end it).
    Retry,
    /// Ask the participant.
    Reconcile,
    /// Undo it and everything before it. Not for the pivot.
    Compensate,
    /// Stop in front of a human.
    Operator,
}

/// What a customer may read about a saga: sentences and facts, no engine words.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// Sentence for each situation; keys are `running`, `running.<step>` (while that step is under way),
    /// `compensating`, `completed`, `compensated`, `stuck`, and `compensated.<code>` (why it was undone).
    pub sentences: BTreeMap<String, String>,
    /// Facts by name, over `input` and outputs; what does not exist yet is left out.
    pub facts: BTreeMap<String, Mapping>,
}
