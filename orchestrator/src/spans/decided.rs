//! What is over with a decision: attempts, waits, the saga. Kept beside the decision, and told once its commit has won,
//! with the commit itself.
//!
//! An attempt is over when nobody waits for its answer any more, whatever came instead of one. That is seen by comparing
//! the state before with the one after, so no kind of input can be forgotten here.

use impresario_traces::{Context, Kind, Span, now};
use impresario_workflows::saga::{
    Cause, Forward, Input, Operation, Outcome, Phase, State, StepState, Undoing, Wait, Work,
};
use impresario_workflows::{Definition, Millis};

use super::{of_attempt, of_saga, service, traced};

/// A decision of a saga.
pub(crate) struct Decided<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) before: &'a State,
    pub(crate) input: &'a Input,
    pub(crate) next: &'a State,
    /// The engine's clock is so far ahead of this machine's.
    pub(crate) ahead_ms: i64,
}

/// A journal row that is in place.
pub(crate) struct Committed {
    pub(crate) seq: i32,
    /// When the statement was handed over.
    pub(crate) since: u64,
    /// Sagas in it.
    pub(crate) sagas: usize,
}

/// Adds what is over with a decision of a saga that is traced.
pub(crate) fn decided(decided: &Decided<'_>, spans: &mut Vec<Span>) {
    let Some(context) = traced(decided.next) else {
        return;
    };
    // Places mean other steps under another version; what is open stays open.
    if !matches!(decided.input, Input::Migrate(_)) {
        for (place, step) in decided.before.steps.iter().enumerate() {
            decided.step(context, place, step, spans);
        }
    }
    if is_over(decided.next) {
        spans.push(decided.saga(context));
    }
}

impl Committed {
    /// The commit of a saga that is traced, and what was over with it.
    pub(crate) fn tell(&self, state: &State, inputs: String, spans: Vec<Span>) {
        let Some(context) = traced(state) else {
            return;
        };
        let (saga, until) = (&*state.id, now());
        let span = impresario_traces::SpanId::of(&["commit", saga, &self.seq.to_string()]);
        let commit = Span::new(
            service(),
            "commit",
            Kind::Client,
            context.at(span),
            Some(of_saga(saga)),
            self.since,
        );
        impresario_traces::emit(
            commit
                .with("saga.id", saga.to_owned())
                .with("saga.seq", self.seq)
                .with("saga.inputs", inputs)
                .with("db.system.name", "postgresql")
                .with("db.operation.batch.size", self.sagas),
        );
        for span in spans {
            // Nothing of it was so before it was committed.
            let end = until.max(span.start);
            impresario_traces::emit(Span { end, ..span });
        }
    }
}

fn is_over(state: &State) -> bool {
    match state.phase {
        Phase::Completed { .. } | Phase::Compensated { .. } => true,
        Phase::New | Phase::Forward { .. } | Phase::Compensating { .. } => false,
    }
}

/// An attempt whose answer is waited for: what is asked, its number, and since when.
fn awaited(step: &StepState) -> [Option<(Operation, u32, Millis)>; 2] {
    let of = |operation, work: &Work| match work.wait {
        Wait::Answer { sent_at, .. } => Some((operation, work.attempt, sent_at)),
        Wait::Backoff { .. } | Wait::Operator { .. } => None,
    };
    let forward = match &step.forward {
        Forward::Open { operation, work } => of(*operation, work),
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Succeeded { .. }
        | Forward::Closed { .. }
        | Forward::GivenUp { .. } => None,
    };
    let undoing = match &step.undoing {
        Undoing::Open(work) => of(Operation::Compensate, work),
        Undoing::NotStarted | Undoing::Done => None,
    };
    [forward, undoing]
}

fn waits_since(step: &StepState) -> Option<Millis> {
    match step.forward {
        Forward::Waiting { since, .. } => Some(since),
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::Succeeded { .. }
        | Forward::Closed { .. }
        | Forward::GivenUp { .. } => None,
    }
}

impl Decided<'_> {
    fn step(&self, context: Context, place: usize, step: &StepState, spans: &mut Vec<Span>) {
        let after = self.next.steps.get(place).filter(|_| !is_over(self.next));
        let still = after.map(awaited).unwrap_or_default();
        for (operation, attempt, since) in awaited(step).into_iter().flatten() {
            let goes_on = still.iter().flatten();
            if !goes_on
                .map(|(what, number, _)| (*what, *number))
                .any(|one| one == (operation, attempt))
            {
                spans.push(self.attempt(context, place, step, operation, attempt, since));
            }
        }
        if let Some(since) = waits_since(step)
            && after.and_then(waits_since).is_none()
        {
            let id = &self.definition.steps[self.before.step_of(place)].id;
            let span = impresario_traces::SpanId::of(&["wait", &self.next.id, id]);
            spans.push(self.part(context.at(span), format!("wait {id}"), since));
        }
    }

    fn attempt(
        &self,
        context: Context,
        place: usize,
        step: &StepState,
        operation: Operation,
        attempt: u32,
        since: Millis,
    ) -> Span {
        let id = &self.definition.steps[self.before.step_of(place)].id;
        let unit = self.before.unit_name(self.definition, place);
        let of = |operation, attempt| {
            let saga = &self.next.id;
            context.at(of_attempt(saga, &unit, operation, step.generation, attempt))
        };
        let name = match operation {
            Operation::Forward => id.clone(),
            Operation::Compensate => format!("undo {id}"),
            Operation::Reconcile => format!("reconcile {id}"),
        };
        let mut span = self.part(of(operation, attempt), name, since);
        if attempt > 1 {
            span = span.linked(of(operation, attempt - 1), "retries");
        }
        if step.attempts > 0 {
            let acted = of(Operation::Forward, step.attempts);
            span = match operation {
                Operation::Forward => span,
                Operation::Compensate => span.linked(acted, "undoes"),
                Operation::Reconcile => span.linked(acted, "asks_about"),
            };
        }
        let (word, code) = self.came_to(&unit, operation, step.generation, attempt);
        span = span
            .with("saga.step", unit)
            .with("saga.operation", operation.as_str())
            .with("saga.generation", step.generation)
            .with("saga.attempt", attempt)
            .with("saga.outcome", word);
        match code {
            Some(code) => span.failed(code),
            None => span,
        }
    }

    /// What an attempt came to, and the code of what went wrong with it. A business no is nothing wrong.
    fn came_to(
        &self,
        unit: &str,
        operation: Operation,
        generation: u32,
        attempt: u32,
    ) -> (&'static str, Option<String>) {
        match self.input {
            Input::Result(result) if result.step == unit && result.operation == operation => {
                if (result.generation, result.attempt) != (generation, attempt) {
                    return ("overtaken", None);
                }
                let code = match &result.outcome {
                    Outcome::Failed(problem) | Outcome::Unknown(problem) => {
                        Some(problem.code.clone())
                    }
                    Outcome::Succeeded(_)
                    | Outcome::Rejected(_)
                    | Outcome::Refused
                    | Outcome::Expired
                    | Outcome::Heartbeat
                    | Outcome::Applied(_)
                    | Outcome::Closed(_)
                    | Outcome::StillOpen(_) => None,
                };
                (result.outcome.name(), code)
            }
            Input::Timer(_) => ("timeout", Some("timeout".to_owned())),
            Input::Start(_)
            | Input::Found(_)
            | Input::Result(_)
            | Input::Redispatch { .. }
            | Input::Cancel(_)
            | Input::Undo(_)
            | Input::Signal(_)
            | Input::Decide(_)
            | Input::Retry { .. }
            | Input::Migrate(_)
            | Input::EngineFault(_) => ("abandoned", None),
        }
    }

    fn saga(&self, context: Context) -> Span {
        let id = &self.next.id;
        let since = self.next.started_at;
        let name = self.definition.name.clone();
        let span = Span {
            parent: Some(context.span),
            ..self.part(context.at(of_saga(id)), name, since)
        };
        let (word, cause) = match &self.next.phase {
            Phase::Compensated { cause } => ("compensated", Some(cause)),
            Phase::Completed { .. }
            | Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. } => ("completed", None),
        };
        let span = span.with("saga.outcome", word);
        let Some(cause) = cause else {
            return span;
        };
        let code = cause.code().to_owned();
        let span = span.with("saga.cause", code.clone());
        match cause {
            Cause::Failed { .. } | Cause::Unknown { .. } | Cause::Unmappable { .. } => {
                span.failed(code)
            }
            Cause::Rejected { .. } | Cause::Cancelled { .. } | Cause::Deadline => span,
        }
    }

    /// A part of the saga that began at an instant of the engine's clock.
    fn part(&self, context: Context, name: String, since: Millis) -> Span {
        let since = since.saturating_add_signed(self.ahead_ms.saturating_neg());
        let start = since.saturating_mul(1_000_000);
        let saga = &self.next.id;
        let parent = Some(of_saga(saga));
        Span::new(service(), name, Kind::Internal, context, parent, start)
            .with("saga.id", saga.to_string())
            .with("saga.type", self.definition.name.clone())
    }
}
