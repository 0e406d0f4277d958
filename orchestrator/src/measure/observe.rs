//! What a decision means in numbers: from the input, the facts, and the state before them.
//!
//! Kept beside the decision and counted only if its commit wins. Items of a fan-out count for their step.

use impresario_metrics::table::{ANSWERS, CAUSES, DIRECTIONS, OUTCOMES, RESULTS};
use impresario_workflows::saga::{
    Cause, Event, Forward, Input, Known, Operation, Outcome, Phase, State, Undoing, Wait, Work,
};
use impresario_workflows::{Definition, Millis, StepIndex};

/// What an attempt came to, in the order of [`RESULTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempted {
    Succeeded,
    Rejected,
    Failed,
    Unknown,
    Timeout,
}

/// What a reconcile came to, in the order of [`ANSWERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Applied,
    Closed,
    StillOpen,
}

/// How a saga ended, in the order of [`OUTCOMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Compensated,
    Cancelled,
    Failed,
    Stuck,
}

/// Why it turned around, in the order of [`CAUSES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    Rejected,
    Failed,
    Unknown,
    Unmappable,
    Cancelled,
    Deadline,
}

/// Which way a step went, in the order of [`DIRECTIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Forward,
    Compensate,
}

impl Attempted {
    pub(crate) const WORDS: [&'static str; 5] = RESULTS;
}

impl Answered {
    pub(crate) const WORDS: [&'static str; 3] = ANSWERS;
}

impl Ended {
    pub(crate) const WORDS: [&'static str; 5] = OUTCOMES;

    /// Whether it says something of the system that a saga was undone for it.
    fn of(cause: &Cause) -> Ended {
        match Turned::of(cause) {
            Turned::Rejected | Turned::Deadline => Ended::Compensated,
            Turned::Cancelled => Ended::Cancelled,
            Turned::Failed | Turned::Unknown | Turned::Unmappable => Ended::Failed,
        }
    }
}

impl Turned {
    pub(crate) const WORDS: [&'static str; 6] = CAUSES;

    fn of(cause: &Cause) -> Turned {
        match cause {
            Cause::Rejected { .. } => Turned::Rejected,
            Cause::Failed { .. } => Turned::Failed,
            Cause::Unknown { .. } => Turned::Unknown,
            Cause::Unmappable { .. } => Turned::Unmappable,
            Cause::Cancelled { .. } => Turned::Cancelled,
            Cause::Deadline => Turned::Deadline,
        }
    }
}

impl Way {
    pub(crate) const WORDS: [&'static str; 2] = DIRECTIONS;
}

/// One thing to count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    /// A forward attempt is over.
    Attempt(StepIndex, Attempted),
    /// An attempt to compensate is over.
    Undo(Attempted),
    /// A reconcile was answered.
    Reconcile(Answered),
    /// Another attempt will be made.
    Retry,
    /// Nobody knows whether a step acted.
    Unknown,
    /// A step is done, or undone; how long it took, where its first attempt is known.
    Step(StepIndex, Way, Option<f64>),
    /// A compensation waits for a human.
    Parked,
    /// The saga turned around; with the code of a rejection.
    Turn(Turned, Option<String>),
    /// The saga ended, after so many seconds.
    End(Ended, f64),
}

/// Adds what follows from `input` and `events`, which led from the state `before` to `next`.
pub(crate) fn observe(
    definition: &Definition,
    before: &State,
    input: &Input,
    events: &[Event],
    next: &State,
    now: Millis,
    samples: &mut Vec<Sample>,
) {
    let seen = Seen {
        definition,
        before,
        now,
    };
    let mut timed_out = false;
    match input {
        Input::Result(result) => {
            samples.extend(seen.answer(&result.step, result.operation, &result.outcome));
        }
        Input::Timer(_) => timed_out = true,
        Input::Start(_)
        | Input::Found(_)
        | Input::Redispatch { .. }
        | Input::Cancel(_)
        | Input::Undo(_)
        | Input::Signal(_)
        | Input::Decide(_)
        | Input::Retry { .. }
        | Input::Migrate(_)
        | Input::EngineFault(_) => {}
    }
    for event in events {
        seen.fact(event, timed_out, next, samples);
    }
}

struct Seen<'a> {
    definition: &'a Definition,
    before: &'a State,
    now: Millis,
}

impl Seen<'_> {
    /// The step of a unit's name.
    fn step(&self, unit: &str) -> Option<StepIndex> {
        let id = unit.split_once(':').map_or(unit, |(id, _)| id);
        self.definition.step_index(id)
    }

    fn answer(&self, unit: &str, operation: Operation, outcome: &Outcome) -> Option<Sample> {
        let attempted = match outcome {
            Outcome::Succeeded(_) => Attempted::Succeeded,
            Outcome::Rejected(_) | Outcome::Refused => Attempted::Rejected,
            Outcome::Failed(_) => Attempted::Failed,
            Outcome::Unknown(_) => Attempted::Unknown,
            Outcome::Applied(_) => return Some(Sample::Reconcile(Answered::Applied)),
            Outcome::Closed(_) => return Some(Sample::Reconcile(Answered::Closed)),
            Outcome::StillOpen(_) => return Some(Sample::Reconcile(Answered::StillOpen)),
            // Spent nothing, or is no answer.
            Outcome::Expired | Outcome::Heartbeat => return None,
        };
        self.attempted(unit, operation, attempted)
    }

    fn attempted(&self, unit: &str, operation: Operation, attempted: Attempted) -> Option<Sample> {
        match operation {
            Operation::Forward => Some(Sample::Attempt(self.step(unit)?, attempted)),
            Operation::Compensate => Some(Sample::Undo(attempted)),
            Operation::Reconcile => None,
        }
    }

    /// A timer has ended a wait for an answer, with what followed; a backoff that is over ends none.
    fn timeout(&self, unit: &str, operation: Operation) -> Option<Sample> {
        let work = self.work(unit, operation)?;
        match work.wait {
            Wait::Answer { .. } => self.attempted(unit, operation, Attempted::Timeout),
            Wait::Backoff { .. } | Wait::Operator { .. } => None,
        }
    }

    fn work(&self, unit: &str, operation: Operation) -> Option<&Work> {
        let step = &self.before.steps[self.before.unit(self.definition, unit)?];
        match (operation, &step.forward, &step.undoing) {
            (Operation::Compensate, _, Undoing::Open(work)) => Some(work),
            (Operation::Forward | Operation::Reconcile, Forward::Open { work, .. }, _) => {
                Some(work)
            }
            (Operation::Compensate | Operation::Forward | Operation::Reconcile, _, _) => None,
        }
    }

    fn took(&self, unit: &str, operation: Operation) -> Option<f64> {
        let since = self.work(unit, operation)?.since?;
        Some(seconds(self.now.saturating_sub(since)))
    }

    fn fact(&self, event: &Event, timed_out: bool, next: &State, samples: &mut Vec<Sample>) {
        let timeout =
            |unit: &str, operation| timed_out.then(|| self.timeout(unit, operation)).flatten();
        match event {
            Event::Succeeded { step, .. } => {
                let took = self.took(step, Operation::Forward);
                let step = self.step(step);
                samples.extend(step.map(|step| Sample::Step(step, Way::Forward, took)));
            }
            Event::Undone { step } => {
                let took = self.took(step, Operation::Compensate);
                let step = self.step(step);
                samples.extend(step.map(|step| Sample::Step(step, Way::Compensate, took)));
            }
            Event::RetryScheduled {
                step, operation, ..
            } => {
                samples.push(Sample::Retry);
                samples.extend(timeout(step, *operation));
            }
            Event::GaveUp { step, known, .. } => {
                match known {
                    Known::Unknown => samples.push(Sample::Unknown),
                    Known::Failed => {}
                }
                samples.extend(timeout(step, Operation::Forward));
            }
            // Instead of another attempt it is asked what became of the last.
            Event::Dispatched {
                step,
                operation: Operation::Reconcile,
                attempt: 1,
                ..
            } => {
                samples.push(Sample::Unknown);
                samples.extend(timeout(step, Operation::Forward));
            }
            Event::Parked {
                step, operation, ..
            } => {
                if *operation == Operation::Compensate {
                    samples.push(Sample::Parked);
                }
                samples.extend(timeout(step, *operation));
            }
            Event::Turned { cause, .. } => {
                let turned = Turned::of(cause);
                let code = (turned == Turned::Rejected).then(|| cause.code().to_owned());
                samples.push(Sample::Turn(turned, code));
            }
            Event::Completed { .. } => samples.push(self.end(Ended::Completed, next)),
            Event::Compensated {} => {
                let ended = match &next.phase {
                    Phase::Compensated { cause } => Ended::of(cause),
                    Phase::New
                    | Phase::Forward { .. }
                    | Phase::Compensating { .. }
                    | Phase::Completed { .. } => Ended::Compensated,
                };
                samples.push(self.end(ended, next));
            }
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Blocked { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::Signalled { .. }
            | Event::SignalTaken { .. }
            | Event::Decided { .. }
            | Event::PassedOver { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::Closed { .. }
            | Event::TurnRequested { .. }
            | Event::Retried { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. } => {}
        }
    }

    fn end(&self, ended: Ended, next: &State) -> Sample {
        Sample::End(ended, seconds(self.now.saturating_sub(next.started_at)))
    }
}

fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_their_table() {
        let place = |word: &str, words: &[&str]| words.iter().position(|one| *one == word);
        assert_eq!(
            place("timeout", &RESULTS),
            Some(Attempted::Timeout as usize)
        );
        assert_eq!(
            place("unknown", &RESULTS),
            Some(Attempted::Unknown as usize)
        );
        assert_eq!(
            place("still_open", &ANSWERS),
            Some(Answered::StillOpen as usize)
        );
        assert_eq!(place("failed", &OUTCOMES), Some(Ended::Failed as usize));
        assert_eq!(place("stuck", &OUTCOMES), Some(Ended::Stuck as usize));
        assert_eq!(place("deadline", &CAUSES), Some(Turned::Deadline as usize));
        assert_eq!(
            place("unmappable", &CAUSES),
            Some(Turned::Unmappable as usize)
        );
        assert_eq!(
            place("compensate", &DIRECTIONS),
            Some(Way::Compensate as usize)
        );
    }
}
