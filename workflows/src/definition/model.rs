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

/// An `each` step works on at most this many items: more belong into child sagas of their own, which keep a journal
/// each and do not make one saga's history unreadable.
pub const ITEMS_MAX: usize = 1_000;

/// Items of an `each` step under way at the same time, when the file does not say: one saga must not fill a pool.
pub const PARALLEL_DEFAULT: u32 = 16;

/// The pool that child sagas are asked of. No worker serves it: the engine does.
pub const SAGA_POOL: &str = "sagas";

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

    /// The step that runs this saga as a child and has it undone when this one turns around.
    pub fn step_that_undoes(&self, child: &str) -> Option<&Step> {
        self.steps.iter().find(|step| {
            let runs = matches!(&step.kind, Kind::Saga(saga) if saga.task == child);
            runs && matches!(step.undo, Undo::Compensate(_))
        })
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
    /// What it is.
    pub kind: Kind,
    /// Whether it is done once for each item of a list.
    pub each: Option<Each>,
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
    /// How long it may wait for a worker, over all attempts, before it fails.
    pub queue_timeout_ms: Option<Millis>,
    /// How long all attempts together may take, waits between them included, before its outcome is unknown.
    pub step_timeout_ms: Option<Millis>,
    /// A worker says at least this often that it is still at it; silence for longer ends the attempt.
    pub heartbeat_ms: Option<Millis>,
    /// Retries of the forward task.
    pub retry: Retry,
    /// Whether the engine never sends it a second time by itself.
    pub once: bool,
    /// What its failure means for the saga.
    pub on_failure: OnFailure,
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
    /// How much of a saga's page it deserves.
    pub importance: Importance,
    /// JSON Schema of its output, when the file declares one.
    pub output_schema: Option<Value>,
    /// The steps whose effects no longer expire once this one is done.
    pub pins: StepSet,
}

impl Step {
    /// Who is asked to do it; nobody is for what merely waits.
    pub fn task(&self) -> Option<&TaskName> {
        match &self.kind {
            Kind::Task(task) | Kind::Saga(task) => Some(task),
            Kind::Sleep { .. } | Kind::Wait(_) | Kind::Approve { .. } => None,
        }
    }

    /// Whether its output may be null in a saga that goes on.
    pub fn may_be_passed(&self) -> bool {
        self.when.is_some() || self.on_failure == OnFailure::Continue
    }

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
        [self.task().map(|task| task.pool.as_str()), undo, reconcile]
            .into_iter()
            .flatten()
            .filter(|pool| *pool != SAGA_POOL)
    }
}

/// What a step is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Workers of a pool do it.
    Task(TaskName),
    /// Another saga runs; its definition's name is the task, and [`SAGA_POOL`] the pool.
    Saga(TaskName),
    /// Time goes by.
    Sleep {
        /// So much of it.
        for_ms: Millis,
    },
    /// A signal comes from outside.
    Wait(WaitFor),
    /// A person decides.
    Approve {
        /// Whoever has one of these may; anybody when it is empty.
        roles: Vec<String>,
        /// How long the decision may take.
        within_ms: Millis,
    },
}

impl Kind {
    /// The word in files and in the API.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Task(_) => "task",
            Kind::Saga(_) => "saga",
            Kind::Sleep { .. } => "sleep",
            Kind::Wait(_) => "wait",
            Kind::Approve { .. } => "approve",
        }
    }
}

/// Which signal a step waits for.
#[derive(Clone, Debug)]
pub struct WaitFor {
    /// Its name.
    pub signal: String,
    /// What must hold of its payload (`signal`), the input and what came before.
    pub matches: Option<Condition>,
    /// How long to wait.
    pub within_ms: Millis,
}

/// A step that is done once for each item of a list. Each item is a unit of work with an effect key of its own.
#[derive(Clone, Debug)]
pub struct Each {
    /// Makes the list, once, when the step starts; `item` in the step's own mappings is one of it.
    pub list: Mapping,
    /// Items under way at the same time.
    pub max_parallel: u32,
    /// So many items may fail without the step failing.
    pub tolerate: u32,
}

/// What a step's failure means for the saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// Before the pivot the saga turns around; past it the step stands before a human.
    Fail,
    /// The saga goes on; the step's output is null.
    Continue,
    /// The step stands before a human.
    Park,
}

/// How much of a saga's page a step deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Importance {
    /// Shown small.
    Low,
    /// Shown.
    Normal,
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
