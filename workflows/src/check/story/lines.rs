//! The lines of a story: what happens to each participant, then what the engine is told, then what it does.

use super::lives::Life;
use super::{Actor, Line, Story};
use crate::check::heart::{Ask, Outcome, Spending};
use crate::check::participant::{Answer, Happening, Kept};
use crate::check::skeleton::{Skeleton, Unit};
use crate::check::words;
use crate::definition::Kind;
use crate::saga::{Cause, Dispatch, Event, Known, Operation};

/// One question, and everything that followed from it.
pub(super) struct SceneOf {
    pub(super) ask: Ask,
    pub(super) outcome: Outcome,
    pub(super) events: Vec<Event>,
    pub(super) tasks: Vec<Dispatch>,
}

struct Writer<'s> {
    skeleton: &'s Skeleton,
    lines: Vec<Line>,
}

/// Writes the story.
pub(super) fn write(skeleton: &Skeleton, scenes: &[SceneOf], lives: &[Life]) -> Story {
    let mut writer = Writer {
        skeleton,
        lines: Vec::new(),
    };
    for (number, scene) in scenes.iter().enumerate() {
        writer.participants(lives, number);
        writer.question(scene.ask, lives, number);
        writer.facts(scene);
    }
    writer.participants(lives, scenes.len());
    Story {
        lines: writer.lines,
    }
}

impl Writer<'_> {
    fn note(&mut self, who: Actor, text: impl Into<String>) {
        self.lines.push(Line {
            who,
            to: None,
            text: text.into(),
        });
    }

    fn message(&mut self, who: Actor, to: Actor, text: impl Into<String>) {
        self.lines.push(Line {
            who,
            to: Some(to),
            text: text.into(),
        });
    }

    fn pool(&self, unit: Unit, operation: Operation) -> Actor {
        let task = self.skeleton.task(unit, operation);
        Actor::Pool(task.map_or_else(String::new, |(pool, _)| pool.to_owned()))
    }

    fn participants(&mut self, lives: &[Life], before: usize) {
        for (unit, life) in lives.iter().enumerate() {
            for made in life.moves.iter().filter(|made| made.before == before) {
                let operation = match made.what.by {
                    Happening::Delivered(operation) => operation,
                    Happening::ActsLate | Happening::Forgets | Happening::Lapses => {
                        Operation::Forward
                    }
                };
                let who = self.pool(unit, operation);
                let id = &self.skeleton.units[unit].id;
                self.note(who, format!("{id}: {}", made.what.told));
            }
        }
    }

    fn question(&mut self, ask: Ask, lives: &[Life], scene: usize) {
        match ask {
            Ask::Start => self.message(Actor::Customer, Actor::Engine, "starts the saga"),
            Ask::Answered(unit, answer) => {
                let late = lives
                    .get(unit)
                    .and_then(|life| life.kept(scene))
                    .is_some_and(|kept| !says_now(kept, answer));
                let word = words::answer_word(answer);
                let what = words::of(self.skeleton, unit, answer.operation());
                let text = if late {
                    format!("an answer given earlier arrives: {what} {word}")
                } else {
                    format!("{what} {word}")
                };
                let who = self.pool(unit, answer.operation());
                self.message(who, Actor::Engine, text);
            }
            Ask::Spent(unit, operation, Spending::Silence, _) => {
                let what = words::of(self.skeleton, unit, operation);
                self.note(Actor::Engine, format!("no answer about {what} in time"));
            }
            Ask::Spent(unit, operation, spending, _) => {
                let what = words::of(self.skeleton, unit, operation);
                let text = format!("{what}: {}", words::spending_word(spending));
                self.message(self.pool(unit, operation), Actor::Engine, text);
            }
            Ask::Deadline => self.note(Actor::Engine, "the deadline is over"),
            Ask::Cancel => self.message(Actor::Customer, Actor::Engine, "cancels"),
            Ask::Retry => self.message(Actor::Operator, Actor::Engine, "retries"),
            Ask::RetryOf(unit) => {
                let text = format!("retries `{}`", self.skeleton.units[unit].id);
                self.message(Actor::Operator, Actor::Engine, text);
            }
            Ask::EngineFault => self.note(Actor::Engine, "cannot decide about this saga"),
            Ask::Comes(unit) => self.comes(unit),
            Ask::StaysAway(unit) => {
                let id = &self.skeleton.units[unit].id;
                self.note(
                    Actor::Engine,
                    format!("what `{id}` waits for does not come"),
                );
            }
            Ask::Idle(_) => {
                let text = words::question(self.skeleton, ask);
                self.note(Actor::Engine, format!("sees {text}"));
            }
        }
    }

    /// What a unit waits for, from whoever it comes.
    fn comes(&mut self, unit: Unit) {
        let id = self.skeleton.units[unit].id.clone();
        match &self.skeleton.step(unit).kind {
            Kind::Wait(wait) => {
                let text = format!("signal {} for `{id}`", wait.signal);
                self.message(Actor::Customer, Actor::Engine, text);
            }
            Kind::Approve { .. } => {
                self.message(Actor::Operator, Actor::Engine, format!("approves `{id}`"));
            }
            Kind::Sleep { .. } | Kind::Task(_) | Kind::Saga(_) => {
                self.note(Actor::Engine, format!("the time of `{id}` is over"));
            }
        }
    }

    fn facts(&mut self, scene: &SceneOf) {
        let mut tasks = scene.tasks.iter();
        for event in &scene.events {
            if let Event::Dispatched { .. } = event {
                if let Some(task) = tasks.next() {
                    let pool = Actor::Pool(task.pool.clone());
                    let text = asked(&self.skeleton.units[task.step].id, task.operation);
                    self.message(Actor::Engine, pool, text);
                }
            } else if let Some(text) = fact(event) {
                self.note(Actor::Engine, text);
            }
        }
    }
}

/// Whether a participant in this state gives this answer to a task that comes now.
fn says_now(kept: Kept, answer: Answer) -> bool {
    match answer {
        Answer::Succeeded | Answer::Applied => match kept {
            Kept::Applied | Kept::Lapsed | Kept::Twice => true,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Rejected
            | Kept::HalfClosed
            | Kept::HalfUndone
            | Kept::Undone
            | Kept::Never
            | Kept::UndoneTwice => false,
        },
        Answer::Rejected | Answer::Refused | Answer::Closed | Answer::Undone => true,
    }
}

fn asked(id: &str, operation: Operation) -> String {
    match operation {
        Operation::Forward => format!("do `{id}`"),
        Operation::Compensate => format!("undo `{id}`"),
        Operation::Reconcile => format!("what became of `{id}`?"),
    }
}

/// What people want to read of a fact. What was said in the line before, or is nobody's business, is nothing.
fn fact(event: &Event) -> Option<String> {
    match event {
        Event::Skipped { step } => Some(format!("the condition of `{step}` is false: skipped")),
        Event::Blocked { step, problem: _ } => {
            Some(format!("the input of `{step}` cannot be made"))
        }
        Event::GaveUp {
            step,
            known,
            problem: _,
        } => Some(match known {
            Known::Failed => format!("attempts of `{step}` have run out: failed"),
            Known::Unknown => format!("attempts of `{step}` have run out: it may have happened"),
        }),
        Event::Parked {
            step,
            operation,
            problem: _,
        } => Some(match operation {
            Operation::Forward => format!("`{step}` stands before a human"),
            Operation::Compensate => format!("the undoing of `{step}` stands before a human"),
            Operation::Reconcile => format!("the reconciling of `{step}` stands before a human"),
        }),
        Event::RetryScheduled {
            step,
            operation: _,
            problem: _,
            spent: _,
            doubtful: _,
            until: _,
        } => Some(format!("`{step}` will be tried again")),
        Event::Undone { step } => Some(format!("`{step}` counts as undone")),
        Event::TurnRequested { cause, stamp: _ } => Some(format!(
            "wants to turn around, because {}; waits for the pivot",
            because(cause)
        )),
        Event::Turned { cause, stamp: _ } => {
            Some(format!("turns around, because {}", because(cause)))
        }
        Event::Quarantined { problem: _ } => Some("sets the saga aside".to_owned()),
        Event::Released { .. } => Some("goes on with the saga".to_owned()),
        Event::Completed {
            output: _,
            problem: _,
        } => Some("completed".to_owned()),
        Event::Compensated {} => Some("compensated: everything counts as undone".to_owned()),
        Event::Waiting { step, .. } => Some(format!("`{step}` waits")),
        Event::PassedOver { step } => Some(format!("goes on without `{step}`")),
        Event::Started { .. }
        | Event::Found { .. }
        | Event::FannedOut { .. }
        | Event::Signalled { .. }
        | Event::SignalTaken { .. }
        | Event::Decided { .. }
        | Event::Dispatched { .. }
        | Event::Postponed { .. }
        | Event::Succeeded { .. }
        | Event::Closed { .. }
        | Event::Retried { .. }
        | Event::Migrated { .. }
        | Event::WakeMoved { .. } => None,
    }
}

fn because(cause: &Cause) -> String {
    match cause {
        Cause::Rejected { step, problem: _ } => format!("`{step}` was rejected"),
        Cause::Failed { step, problem: _ } => format!("`{step}` failed for good"),
        Cause::Unknown { step, problem: _ } => format!("nobody knows about `{step}`"),
        Cause::Unmappable { step, problem: _ } => {
            format!("the input of `{step}` cannot be made")
        }
        Cause::Cancelled { by: _, reason: _ } => "somebody cancelled".to_owned(),
        Cause::Deadline => "the deadline is over".to_owned(),
    }
}
