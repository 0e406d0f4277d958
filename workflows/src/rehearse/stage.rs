//! The loop of one saga alone: whatever comes next, letter or wake-up, is decided at its instant.
//!
//! It ends when the saga has ended, when nothing is on its way any more (the saga stands before a human), or at a
//! limit: a step that is tried without end would otherwise be rehearsed without end.

use std::sync::Arc;

use serde_json::Value;

use super::seat::{Followed, Seat, look};
use super::{BEGINNING, Fate, Letter, Mail, Micros, Participants, Task};
use crate::definition::{Definition, Step, Undo};
use crate::saga::{Event, Input, Refusal, State, Status, Unfoldable};

/// What a rehearsal asks and tells.
pub(crate) trait World {
    /// How a task will fare; asked once, when it is sent.
    fn fate(&mut self, task: &Task, now: Micros, participants: &Participants) -> Fate;

    /// What the effect that a task is about answers. The same whenever it is asked.
    fn output(&mut self, task: &Task) -> Value;

    /// The chance in the waits between attempts.
    fn jitter_permille(&mut self) -> u16;

    /// New facts; what they make people do is put into the mail.
    fn told(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail);

    /// A command was refused.
    fn refused(&mut self, now: Micros, refusal: &Refusal);
}

/// How a saga ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum End {
    Completed,
    Compensated,
    /// In front of a human.
    Stuck,
    /// Still trying when the rehearsal was stopped.
    Endless,
}

impl End {
    pub(crate) const ALL: [End; 4] = [End::Completed, End::Compensated, End::Stuck, End::Endless];

    /// The end that a status is, if it is one.
    fn of(status: Status) -> Option<End> {
        match status {
            Status::Completed => Some(End::Completed),
            Status::Compensated => Some(End::Compensated),
            Status::Running | Status::Waiting | Status::Compensating | Status::Stuck => None,
        }
    }

    /// The word in files and reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            End::Completed => "completed",
            End::Compensated => "compensated",
            End::Stuck => "stuck",
            End::Endless => "endless",
        }
    }
}

/// When a rehearsal is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// So much simulated time after the start.
    pub(crate) horizon: Micros,
    /// So many inputs, beside those of items.
    pub(crate) inputs: u32,
}

impl Limits {
    /// Whether a saga in this state, after so many inputs, is tried without end.
    pub(crate) fn are_met(&self, state: &State, inputs: u32) -> bool {
        let items = state.steps.len() - state.own_steps();
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        inputs
            >= self
                .inputs
                .saturating_add(items.saturating_mul(INPUTS_ITEM))
    }

    /// Limits that no definition with bounded retries meets: a week, and all attempts that it allows, each with its
    /// answer and its wake-up, over again for an operator's retry.
    pub(crate) fn of(definition: &Definition) -> Limits {
        let attempts: u32 = definition.steps.iter().map(attempts).sum();
        Limits {
            horizon: WEEK,
            inputs: INPUTS_MIN + 4 * attempts,
        }
    }

    /// For one saga that somebody wants to see to its end: its deadline may need thousands of attempts to come.
    pub(crate) fn patient() -> Limits {
        Limits {
            horizon: WEEK,
            inputs: INPUTS_PATIENT,
        }
    }
}

const WEEK: Micros = 7 * 24 * 3_600 * 1_000_000;

/// A step that is tried without end is known to be one after this many inputs.
const INPUTS_MIN: u32 = 400;

/// An item that is asked for again and again, child sagas included, needs fewer.
const INPUTS_ITEM: u32 = 64;

/// Attempts every 200 ms for longer than a quarter of an hour.
const INPUTS_PATIENT: u32 = 20_000;

/// The attempts that a step's policies allow, where they bound them.
fn attempts(step: &Step) -> u32 {
    let undo = match &step.undo {
        Undo::Compensate(undo) => undo.retry.attempts_max,
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
    };
    let reconcile = step
        .reconcile
        .as_ref()
        .and_then(|reconcile| reconcile.retry.attempts_max);
    [step.retry.attempts_max, undo, reconcile]
        .into_iter()
        .flatten()
        .sum()
}

/// The end of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) end: End,
    /// From the start to the last fact.
    pub(crate) after: Micros,
    /// Inputs that were decided.
    pub(crate) inputs: u32,
}

/// The stage: reused from saga to saga.
#[derive(Debug)]
pub(crate) struct Stage<'d> {
    pub(crate) seat: Seat<'d>,
    pub(crate) participants: Participants,
    mail: Mail,
    unborn: State,
    look: Arc<Input>,
}

impl<'d> Stage<'d> {
    pub(crate) fn new(definition: &'d Definition) -> Stage<'d> {
        let seat = Seat::new(definition);
        Stage {
            unborn: seat.state.clone(),
            seat,
            participants: Participants::default(),
            mail: Mail::default(),
            look: Arc::new(look(definition)),
        }
    }

    /// Rehearses one saga from `start` on.
    pub(crate) fn run(
        &mut self,
        world: &mut impl World,
        start: &Input,
        limits: Limits,
    ) -> Result<Ended, Unfoldable> {
        self.seat.state.clone_from(&self.unborn);
        self.participants.clear();
        self.mail.clear();
        let mut ended = Ended {
            end: End::Endless,
            after: 0,
            inputs: 0,
        };
        let mut now = BEGINNING;
        self.decide(world, start, now, &mut ended)?;
        loop {
            if let Some(end) = End::of(self.seat.status()) {
                ended.end = end;
                return Ok(ended);
            }
            let wake = self.seat.next_wake();
            let Some(next) = self.mail.next_at().into_iter().chain(wake).min() else {
                ended.end = End::Stuck;
                return Ok(ended);
            };
            now = now.max(next);
            if now > BEGINNING + limits.horizon || limits.are_met(&self.seat.state, ended.inputs) {
                // A human is needed, however long something beside it is tried.
                if self.seat.status() == Status::Stuck {
                    ended.end = End::Stuck;
                }
                return Ok(ended);
            }
            // An answer that arrives at the very instant at which its wait ends is in time.
            match self.mail.take_by(now) {
                Some(Letter::News(input)) => self.decide(world, &input, now, &mut ended)?,
                Some(Letter::Worked(task, fate)) => {
                    let output = || world.output(&task);
                    let outcome = self.participants.serve(&task, &fate, now, output);
                    if let Some(outcome) = outcome {
                        let answer = self.seat.answer(&task, outcome);
                        self.decide(world, &answer, now, &mut ended)?;
                    }
                }
                None => {
                    let look = Arc::clone(&self.look);
                    self.decide(world, &look, now, &mut ended)?;
                }
            }
        }
    }

    fn decide(
        &mut self,
        world: &mut impl World,
        input: &Input,
        now: Micros,
        ended: &mut Ended,
    ) -> Result<(), Unfoldable> {
        ended.inputs += 1;
        let followed = match self.seat.put(input, now, world.jitter_permille()) {
            Ok(followed) => followed,
            Err(Refusal::Unfoldable(error)) => return Err(error),
            Err(
                refusal @ (Refusal::PastPivot { .. }
                | Refusal::MayHaveCompleted
                | Refusal::NothingParked { .. }
                | Refusal::NotParked { .. }
                | Refusal::NoSuchSignal { .. }
                | Refusal::TooManySignals { .. }
                | Refusal::NotWaiting { .. }
                | Refusal::NotAllowed { .. }
                | Refusal::OtherDefinition { .. }
                | Refusal::CameTo { .. }
                | Refusal::NotStarted { .. }),
            ) => {
                world.refused(now, &refusal);
                return Ok(());
            }
        };
        let Followed { events, commands } = followed;
        if events.is_empty() {
            return Ok(());
        }
        ended.after = now - BEGINNING;
        for command in &commands {
            let Some(task) = Task::of(&self.seat.state, command) else {
                continue;
            };
            let fate = world.fate(&task, now, &self.participants);
            let worked = now + fate.lag + fate.takes;
            self.mail.post(worked, Letter::Worked(task, fate));
        }
        world.told(now, &self.seat, &events, &mut self.mail);
        Ok(())
    }
}
