//! The file as types: one struct for each map, one field for each key.
//!
//! What the reader fills, what the checks look at, and what the JSON Schema for editors is generated from; the
//! descriptions here are what an editor shows. A field is absent when the key is, or when its value was wrong
//! (which has been reported by then).

use schemars::JsonSchema;
use serde_json::Value;

use super::node::{Node, Place};
use super::schema;
use crate::Millis;
use crate::definition::{Importance, Invariant, OnFailure, OnUnknown, TaskName};
use crate::expression::{Condition, Mapping};

/// A value and the place where it stood.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub value: T,
    pub place: Place,
}

/// A JSON template: literal values with `${{ expression }}` in texts.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub mapping: Mapping,
    pub node: Node,
}

/// A saga definition: the steps of a business transaction, and how each of them is undone.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Impresario saga definition", deny_unknown_fields)]
pub(crate) struct SagaFile {
    /// Name of the saga: lower-case letters, digits and hyphens.
    #[schemars(required, schema_with = "schema::name")]
    pub saga: Option<At<String>>,
    /// Version, from 1. A version that has been applied never changes.
    #[schemars(required, schema_with = "schema::version")]
    pub version: Option<At<u32>>,
    /// What it is for, in words.
    #[schemars(with = "Option<String>")]
    pub description: Option<At<String>>,
    /// Who answers for it.
    #[schemars(with = "Option<String>")]
    pub owner: Option<At<String>>,
    /// Address of the page that support reads when it is stuck.
    #[schemars(with = "Option<String>")]
    pub runbook: Option<At<String>>,
    /// Business key by which people find a saga, over `input`.
    #[schemars(with = "Option<String>")]
    pub key: Option<Template>,
    /// Attributes by which sagas can be searched, over `input`.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Value>>")]
    pub attributes: Vec<(At<String>, Template)>,
    /// From the start to the instant at which a saga before its pivot turns around.
    #[schemars(default, schema_with = "schema::duration")]
    pub deadline: Option<At<Millis>>,
    /// What happens at the deadline.
    #[schemars(default, schema_with = "schema::on_deadline")]
    pub on_deadline: Option<At<()>>,
    /// JSON Schema (2020-12) of what a start must carry. Objects are closed unless they say otherwise.
    #[schemars(default, schema_with = "schema::input")]
    pub input: Option<Node>,
    /// Values for steps that do not say their own.
    pub defaults: Option<DefaultsFile>,
    /// The steps, by id. They run side by side unless `needs` orders them.
    #[schemars(required, with = "std::collections::BTreeMap<String, StepFile>")]
    pub steps: Vec<StepFile>,
    /// What must be true at every end, over effects: `charge implies seat or refund`.
    #[schemars(with = "Option<Vec<String>>")]
    pub invariants: Vec<At<Invariant>>,
    /// What the saga answers when it completes.
    #[schemars(with = "Option<Value>")]
    pub output: Option<Template>,
    /// Plural noun of its own REST surface: `bookings` gives `/v1/bookings`.
    #[schemars(default, schema_with = "schema::name")]
    pub rest: Option<At<String>>,
    /// What customers may read.
    pub customer: Option<CustomerFile>,
}

/// Values for steps that do not say their own.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "Defaults", deny_unknown_fields)]
pub(crate) struct DefaultsFile {
    /// How long one attempt may take.
    #[schemars(default, schema_with = "schema::duration")]
    pub timeout: Option<At<Millis>>,
    /// How steps are tried again.
    pub retry: Option<RetryFile>,
}

/// A step: a task for a pool of workers, a child saga, or something to wait for.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Step", deny_unknown_fields)]
pub(crate) struct StepFile {
    #[schemars(skip)]
    pub id: At<String>,
    /// Who works on it: `pool/task`.
    #[schemars(default, schema_with = "schema::task")]
    pub task: Option<At<TaskName>>,
    /// Runs another saga, by its name, and waits for its end. Undone, the child is undone.
    #[schemars(default, schema_with = "schema::name")]
    pub saga: Option<At<String>>,
    /// Waits for so long.
    #[schemars(default, schema_with = "schema::duration")]
    pub sleep: Option<At<Millis>>,
    /// Waits for a signal from outside; its payload is the step's output.
    #[schemars(with = "Option<WaitFile>")]
    pub wait: Option<At<WaitFile>>,
    /// Waits for a person's decision.
    #[schemars(with = "Option<ApproveFile>")]
    pub approve: Option<At<ApproveFile>>,
    /// A template for a list: the step is done once for each `item`; its output is the list of their outputs.
    #[schemars(with = "Option<Value>")]
    pub each: Option<Template>,
    /// Items of `each` under way at the same time.
    #[schemars(default, schema_with = "schema::items")]
    pub max_parallel: Option<At<u32>>,
    /// So many items of `each` may fail without the step failing.
    #[schemars(default, schema_with = "schema::items")]
    pub tolerate: Option<At<u32>>,
    /// Ids of the steps that must be finished before.
    #[schemars(with = "Option<Vec<String>>")]
    pub needs: Vec<At<String>>,
    /// What the task gets: a template over `input` and the outputs of steps before.
    #[schemars(with = "Option<Value>")]
    pub input: Option<Template>,
    /// A bare expression; when it is false the step is skipped and its output is null.
    #[schemars(with = "Option<String>")]
    pub when: Option<At<Condition>>,
    /// How long one attempt may take; or a map of `attempt`, `queue` (waiting for a worker), `step` (all attempts
    /// together) and `heartbeat` (the longest silence of a worker).
    #[schemars(default, schema_with = "schema::timeout")]
    pub timeout: Option<At<Millis>>,
    #[schemars(skip)]
    pub queue_timeout: Option<At<Millis>>,
    #[schemars(skip)]
    pub step_timeout: Option<At<Millis>>,
    #[schemars(skip)]
    pub heartbeat: Option<At<Millis>>,
    /// How it is tried again.
    pub retry: Option<RetryFile>,
    /// `once`: the engine never sends the task a second time by itself.
    #[schemars(default, schema_with = "schema::dispatch")]
    pub dispatch: Option<At<()>>,
    /// What its failure means: `fail` (the saga turns around), `continue` (it goes on without), `park` (a human
    /// looks).
    #[schemars(default, schema_with = "schema::on_failure")]
    pub on_failure: Option<At<OnFailure>>,
    /// The task that undoes it, or `none` together with `reason`.
    #[schemars(default, schema_with = "schema::compensate")]
    pub compensate: Option<At<CompensateFile>>,
    /// Whether `compensate` or `readonly` stands there, be its value wrong or not.
    #[schemars(skip)]
    pub speaks_of_undo: bool,
    /// Why it need not be undone (`compensate: none`).
    #[schemars(with = "Option<String>")]
    pub reason: Option<At<String>>,
    /// What to do when attempts run out without an answer.
    #[schemars(default, schema_with = "schema::on_unknown")]
    pub on_unknown: Option<At<OnUnknown>>,
    /// The task that finds out what became of the effect.
    #[schemars(with = "Option<ReconcileFile>")]
    pub reconcile: Option<At<ReconcileFile>>,
    /// The point of no return: from here the saga only goes forward.
    #[schemars(with = "Option<bool>")]
    pub pivot: Option<At<bool>>,
    /// It has no side effect, so there is nothing to undo.
    #[schemars(with = "Option<bool>")]
    pub readonly: Option<At<bool>>,
    /// Name of its effect on the world.
    #[schemars(default, schema_with = "schema::name")]
    pub effect: Option<At<String>>,
    /// How long the effect lasts by itself, when it expires.
    #[schemars(default, schema_with = "schema::duration")]
    pub expires: Option<At<Millis>>,
    /// Ids of steps whose effects no longer expire once this one is done.
    #[schemars(with = "Option<Vec<String>>")]
    pub pins: Vec<At<String>>,
    /// What it does, in words, for people.
    #[schemars(with = "Option<String>")]
    pub describe: Option<Template>,
    /// How much of a saga's page it deserves.
    #[schemars(default, schema_with = "schema::importance")]
    pub importance: Option<At<Importance>>,
    /// JSON Schema (2020-12) of its output: what is read of it is checked against that.
    #[schemars(default, schema_with = "schema::output")]
    pub output: Option<Node>,
}

/// Which signal a step waits for.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Wait", deny_unknown_fields)]
pub(crate) struct WaitFile {
    /// Name of the signal: lower-case letters, digits, hyphens and dots.
    #[schemars(required, schema_with = "schema::signal")]
    pub signal: Option<At<String>>,
    /// A bare expression over `signal` (its payload), `input` and outputs of steps before: which one is meant.
    #[schemars(rename = "match", with = "Option<String>")]
    pub matches: Option<At<Condition>>,
    /// How long to wait.
    #[schemars(required, schema_with = "schema::duration")]
    pub timeout: Option<At<Millis>>,
}

/// Who decides.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Approval", deny_unknown_fields)]
pub(crate) struct ApproveFile {
    /// Whoever has one of these roles may decide; anybody without it.
    #[schemars(with = "Option<Vec<String>>")]
    pub roles: Vec<At<String>>,
    /// How long the decision may take.
    #[schemars(required, schema_with = "schema::duration")]
    pub timeout: Option<At<Millis>>,
}

/// How something is tried again: exponential backoff with jitter.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "Retry", deny_unknown_fields)]
pub(crate) struct RetryFile {
    #[schemars(skip)]
    pub place: Place,
    /// Attempts in all, or `unlimited`.
    #[schemars(default, schema_with = "schema::attempts")]
    pub max_attempts: Option<At<Attempts>>,
    /// How waits grow.
    #[schemars(default, schema_with = "schema::backoff")]
    #[expect(
        dead_code,
        reason = "the engine does not look at it: reading it is checking it"
    )]
    pub backoff: Option<At<()>>,
    /// Wait before the second attempt.
    #[schemars(default, schema_with = "schema::duration")]
    pub initial: Option<At<Millis>>,
    /// Waits double up to this.
    #[schemars(default, schema_with = "schema::duration")]
    pub max: Option<At<Millis>>,
    /// Error codes that are never tried again.
    #[schemars(with = "Option<Vec<String>>")]
    pub unless: Option<Vec<String>>,
}

/// A number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts {
    Bounded(u32),
    Unlimited,
}

/// How a step is undone, as written.
#[derive(Debug)]
pub(crate) enum CompensateFile {
    None,
    By(Box<UndoFile>),
}

/// The task that undoes a step. It finds the effect by its key, so it cannot read the step's own output.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Compensation", deny_unknown_fields)]
pub(crate) struct UndoFile {
    /// Who does it: `pool/task`.
    #[schemars(required, schema_with = "schema::task")]
    pub task: Option<At<TaskName>>,
    /// What it gets: a template over `input` and the outputs of steps before the one it undoes.
    #[schemars(with = "Option<Value>")]
    pub input: Option<Template>,
    /// How long one attempt may take.
    #[schemars(default, schema_with = "schema::duration")]
    pub timeout: Option<At<Millis>>,
    /// How it is tried again; when attempts run out, the saga is stuck in front of a human.
    pub retry: Option<RetryFile>,
    /// What it does, in words, for previews.
    #[schemars(with = "Option<String>")]
    pub describe: Option<Template>,
}

/// The task that finds out what became of an effect.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Reconciliation", deny_unknown_fields)]
pub(crate) struct ReconcileFile {
    /// Who answers: `pool/task`.
    #[schemars(required, schema_with = "schema::task")]
    pub task: Option<At<TaskName>>,
    /// How long one attempt may take.
    #[schemars(default, schema_with = "schema::duration")]
    pub timeout: Option<At<Millis>>,
    /// How it is tried again.
    pub retry: Option<RetryFile>,
}

/// What customers may read: sentences and facts, no engine words.
#[derive(Debug, Default, JsonSchema)]
#[schemars(title = "Customer", deny_unknown_fields)]
pub(crate) struct CustomerFile {
    /// A sentence for each situation: `running`, `running.<step>`, `compensating`, `completed`, `compensated`,
    /// `compensated.<code>`, `stuck`.
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub sentences: Vec<(At<String>, String)>,
    /// Facts by name, over `input` and outputs; what does not exist yet is left out.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Value>>")]
    pub facts: Vec<(At<String>, Template)>,
}

impl StepFile {
    /// Whether it asks somebody to do something (a pool, or the engine for a child saga), or cannot be told.
    pub(crate) fn asks(&self) -> bool {
        let waits = self.sleep.is_some() || self.wait.is_some() || self.approve.is_some();
        self.task.is_some() || self.saga.is_some() || !waits
    }

    /// Whether its output may be null in a saga that goes on.
    pub(crate) fn may_be_passed(&self) -> bool {
        self.when.is_some() || self.on_failure() == OnFailure::Continue
    }

    /// What its failure means.
    pub(crate) fn on_failure(&self) -> OnFailure {
        self.on_failure
            .as_ref()
            .map_or(OnFailure::Fail, |said| said.value)
    }

    /// Whether the file calls it the pivot.
    pub(crate) fn is_pivot(&self) -> bool {
        self.pivot.as_ref().is_some_and(|pivot| pivot.value)
    }

    /// Whether the file says that it has no side effect.
    pub(crate) fn is_readonly(&self) -> bool {
        self.readonly
            .as_ref()
            .is_some_and(|readonly| readonly.value)
    }

    /// The task that undoes it.
    pub(crate) fn undo(&self) -> Option<&UndoFile> {
        match &self.compensate.as_ref()?.value {
            CompensateFile::None => None,
            CompensateFile::By(undo) => Some(undo),
        }
    }
}
