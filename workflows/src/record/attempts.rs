//! From a journal to what the participants did: each attempt with its answer, each order with its moment.
//!
//! Facts tell most of it: a retry that is scheduled says why the last attempt failed. Where they leave a choice the
//! row's note decides, and where that is missing too the likelier reading is taken: a doubt that is new came from
//! this attempt, and an outcome that is asked about after the wait was over got no answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fact::Fact;
use super::note::Heard;
use super::recording::Row;
use super::waits::{Waited, Waits};
use crate::Millis;
use crate::saga::{Cause, Event, Known, Operation, Outcome, Problem};

/// How an attempt was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Said(Outcome),
    /// Not before the engine stopped waiting.
    Nothing,
    /// The recording ends before.
    Open,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) step: String,
    pub(crate) operation: Operation,
    pub(crate) number: u32,
    pub(crate) sent_at: Millis,
    /// From the sending to the answer, or to the end of the wait.
    pub(crate) takes: Millis,
    pub(crate) answer: Answer,
    /// When the end of its wait was moved out, and to when: it was said to be still at it, or nobody listened.
    pub(crate) postponed: Vec<(Millis, Millis)>,
}

/// What people ordered, and when: so long after a fact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered {
    pub(crate) what: OrderedWhat,
    pub(crate) after: Fact,
    pub(crate) delay: Millis,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OrderedWhat {
    Cancel,
    Retry,
    /// Somebody outside sent a signal.
    Signal {
        name: String,
        payload: Value,
    },
    /// Somebody decided.
    Decide {
        step: String,
        approved: bool,
    },
}

/// Everything that was done to a saga from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Story {
    /// In the order in which they were sent.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) orders: Vec<Ordered>,
    /// Steps that waited, with what came to them.
    pub(crate) waits: Vec<Waited>,
    /// Whether the engine set it aside at some time.
    pub(crate) set_aside: bool,
}

/// A story while it is read.
#[derive(Default)]
struct Reader {
    story: Story,
    /// Places of the attempts that wait for an answer.
    open: BTreeMap<(String, Operation), usize>,
    /// Steps whose forward attempts left a doubt already.
    doubtful: BTreeMap<(String, Operation), bool>,
    waits: Waits,
    /// Idempotency keys of the orders that were read.
    stamps: Vec<String>,
    last: Option<(Millis, Fact)>,
}

impl Answer {
    /// Whether it ends the question, from whichever attempt it comes.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Answer::Said(outcome) => match outcome {
                Outcome::Succeeded(_)
                | Outcome::Rejected(_)
                | Outcome::Refused
                | Outcome::Applied(_)
                | Outcome::Closed(_) => true,
                Outcome::Failed(_)
                | Outcome::Unknown(_)
                | Outcome::Expired
                | Outcome::Heartbeat
                | Outcome::StillOpen(_) => false,
            },
            Answer::Nothing | Answer::Open => false,
        }
    }
}

impl Story {
    pub(crate) fn of(rows: &[Row]) -> Story {
        let mut reader = Reader::default();
        for row in rows {
            let heard: Vec<Heard> = row.by.iter().filter_map(|note| Heard::of(note)).collect();
            for event in &row.events {
                reader.event(row.at, event, &heard);
                if let Some(fact) = Fact::of(event) {
                    reader.last = Some((row.at, fact));
                }
            }
        }
        reader.story.waits = reader.waits.over();
        reader.story
    }
}

impl Reader {
    fn event(&mut self, at: Millis, event: &Event, heard: &[Heard]) {
        self.waits.event(at, event);
        match event {
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::SignalTaken { .. }
            | Event::PassedOver { .. }
            | Event::Blocked { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. }
            | Event::Released { .. }
            | Event::Completed { .. }
            | Event::Compensated {} => {}
            Event::Signalled { key, name, payload } => {
                let what = OrderedWhat::Signal {
                    name: name.clone(),
                    payload: Value::clone(payload),
                };
                self.ordered(what, at, Some(key));
            }
            Event::Decided {
                step,
                approved,
                stamp,
                ..
            } => {
                let what = OrderedWhat::Decide {
                    step: step.clone(),
                    approved: *approved,
                };
                self.ordered(what, at, Some(stamp));
            }
            Event::Postponed {
                step,
                operation,
                until,
            } => {
                if let Some(&place) = self.open.get(&(step.clone(), *operation)) {
                    let attempt = &mut self.story.attempts[place];
                    let since = |instant: Millis| instant.saturating_sub(attempt.sent_at);
                    let moved = (since(at), since(*until));
                    attempt.postponed.push(moved);
                }
            }
            Event::Dispatched {
                step,
                operation,
                attempt,
                at: sent_at,
                until,
            } => {
                self.sent(step, *operation, *attempt, *sent_at, at, *until, heard);
            }
            Event::RetryScheduled {
                step,
                operation,
                problem,
                doubtful,
                ..
            } => {
                let said = self.spent(step, *operation, problem, *doubtful, heard);
                self.close(step, *operation, at, said);
            }
            Event::GaveUp {
                step,
                known,
                problem,
            } => {
                let operation = self.asked(step);
                let doubtful = *known == Known::Unknown;
                let said = self.spent(step, operation, problem, doubtful, heard);
                self.close(step, operation, at, said);
            }
            Event::Parked {
                step,
                operation,
                problem,
            } => {
                // Without a doubt attempts that ran out would have been given up.
                let said = self.spent(step, *operation, problem, true, heard);
                self.close(step, *operation, at, said);
            }
            Event::Succeeded { step, output } => self.happened(step, output, at, heard),
            Event::Closed { step, problem } => self.closed(step, problem, at, heard),
            Event::Undone { step } => {
                let done = Answer::Said(Outcome::Succeeded(Value::Null));
                self.close(step, Operation::Compensate, at, done);
            }
            Event::TurnRequested { cause, stamp } | Event::Turned { cause, stamp } => match cause {
                Cause::Cancelled { .. } => self.ordered(OrderedWhat::Cancel, at, stamp.as_deref()),
                Cause::Rejected { .. }
                | Cause::Failed { .. }
                | Cause::Unknown { .. }
                | Cause::Unmappable { .. }
                | Cause::Deadline => {}
            },
            Event::Retried { stamp, .. } => self.ordered(OrderedWhat::Retry, at, Some(stamp)),
            Event::Quarantined { .. } => self.story.set_aside = true,
        }
    }

    /// A new attempt; the same number again is the same attempt, sent again.
    #[allow(
        clippy::too_many_arguments,
        reason = "the fields of one fact, and its row's"
    )]
    fn sent(
        &mut self,
        step: &str,
        operation: Operation,
        number: u32,
        sent_at: Millis,
        at: Millis,
        until: Millis,
        heard: &[Heard],
    ) {
        let key = (step.to_owned(), operation);
        if self
            .open
            .get(&key)
            .is_some_and(|&place| self.story.attempts[place].number == number)
        {
            return;
        }
        if operation == Operation::Reconcile {
            self.asked_about(step, at, heard);
        }
        self.open.insert(key, self.story.attempts.len());
        self.story.attempts.push(Attempt {
            step: step.to_owned(),
            operation,
            number,
            sent_at,
            takes: until.saturating_sub(sent_at),
            answer: Answer::Open,
            postponed: Vec::new(),
        });
    }

    /// The forward attempts ran out, and the participant is asked: the last answer is in no fact.
    fn asked_about(&mut self, step: &str, at: Millis, heard: &[Heard]) {
        let Some(&place) = self.open.get(&(step.to_owned(), Operation::Forward)) else {
            return;
        };
        let attempt = &self.story.attempts[place];
        let over = at >= attempt.sent_at.saturating_add(attempt.takes);
        let word = word(heard, step, Operation::Forward, attempt.number);
        let problem = Problem::new(word.unwrap_or("unknown"), "");
        let said = match word {
            Some("failed") => Answer::Said(Outcome::Failed(problem)),
            Some(_) => Answer::Said(Outcome::Unknown(problem)),
            None if over => Answer::Nothing,
            None => Answer::Said(Outcome::Unknown(problem)),
        };
        self.close(step, Operation::Forward, at, said);
    }

    /// What an attempt that was spent had been answered.
    fn spent(
        &mut self,
        step: &str,
        operation: Operation,
        problem: &Problem,
        doubtful: bool,
        heard: &[Heard],
    ) -> Answer {
        let before = self.doubtful.insert((step.to_owned(), operation), doubtful);
        let number = self
            .open
            .get(&(step.to_owned(), operation))
            .map(|&place| self.story.attempts[place].number);
        let word = number.and_then(|number| word(heard, step, operation, number));
        match (problem.code.as_str(), word) {
            ("timeout", None) => Answer::Nothing,
            ("expired", _) => Answer::Said(Outcome::Expired),
            (_, Some("unknown")) => Answer::Said(Outcome::Unknown(problem.clone())),
            (_, Some("still_open")) => Answer::Said(Outcome::StillOpen(problem.clone())),
            (_, Some(_)) => Answer::Said(Outcome::Failed(problem.clone())),
            (_, None) if doubtful && before != Some(true) => {
                Answer::Said(Outcome::Unknown(problem.clone()))
            }
            (_, None) => Answer::Said(Outcome::Failed(problem.clone())),
        }
    }

    fn happened(&mut self, step: &str, output: &Value, at: Millis, heard: &[Heard]) {
        let (operation, number) = self.answered(step, heard, &["succeeded", "applied"]);
        let said = match operation {
            Operation::Reconcile => Outcome::Applied(output.clone()),
            Operation::Forward | Operation::Compensate => Outcome::Succeeded(output.clone()),
        };
        self.final_answer(step, operation, number, at, said);
    }

    fn closed(&mut self, step: &str, problem: &Problem, at: Millis, heard: &[Heard]) {
        let (operation, number) = self.answered(step, heard, &["rejected", "closed", "refused"]);
        let said = match operation {
            Operation::Reconcile => Outcome::Closed(problem.clone()),
            Operation::Forward | Operation::Compensate if problem.code == "refused" => {
                Outcome::Refused
            }
            Operation::Forward | Operation::Compensate => Outcome::Rejected(problem.clone()),
        };
        self.final_answer(step, operation, number, at, said);
    }

    /// Which operation of a step, and which attempt, a final answer belongs to.
    fn answered(&self, step: &str, heard: &[Heard], words: &[&str]) -> (Operation, Option<u32>) {
        let heard = heard
            .iter()
            .find(|heard| heard.step == step && words.contains(&heard.outcome.as_str()));
        heard.map_or_else(
            || (self.asked(step), None),
            |heard| (heard.operation, Some(heard.attempt)),
        )
    }

    /// Whether the step is being reconciled or still sent forward.
    fn asked(&self, step: &str) -> Operation {
        if self
            .open
            .contains_key(&(step.to_owned(), Operation::Reconcile))
        {
            Operation::Reconcile
        } else {
            Operation::Forward
        }
    }

    /// A final answer may come from an attempt that nobody waited for any more.
    fn final_answer(
        &mut self,
        step: &str,
        operation: Operation,
        number: Option<u32>,
        at: Millis,
        said: Outcome,
    ) {
        let said = Answer::Said(said);
        let late = number.and_then(|number| {
            self.story.attempts.iter_mut().rev().find(|attempt| {
                attempt.step == step && attempt.operation == operation && attempt.number == number
            })
        });
        let Some(attempt) = late else {
            self.close(step, operation, at, said);
            return;
        };
        attempt.takes = at.saturating_sub(attempt.sent_at);
        attempt.answer = said;
        self.open.remove(&(step.to_owned(), operation));
    }

    /// The attempt that was waited for is over.
    fn close(&mut self, step: &str, operation: Operation, at: Millis, answer: Answer) {
        if let Some(place) = self.open.remove(&(step.to_owned(), operation)) {
            let attempt = &mut self.story.attempts[place];
            attempt.takes = at.saturating_sub(attempt.sent_at);
            attempt.answer = answer;
        }
    }

    fn ordered(&mut self, what: OrderedWhat, at: Millis, stamp: Option<&str>) {
        // A wish that was remembered turns the saga later, without a stamp: it is the same order.
        let Some(stamp) = stamp.filter(|stamp| !self.stamps.iter().any(|known| known == stamp))
        else {
            return;
        };
        self.stamps.push(stamp.to_owned());
        if let Some((since, after)) = &self.last {
            self.story.orders.push(Ordered {
                what,
                after: after.clone(),
                delay: at.saturating_sub(*since),
            });
        }
    }
}

/// The word of an answer to an attempt, when the row's notes have it.
fn word<'h>(heard: &'h [Heard], step: &str, operation: Operation, number: u32) -> Option<&'h str> {
    heard
        .iter()
        .find(|heard| heard.step == step && heard.operation == operation && heard.attempt == number)
        .map(|heard| heard.outcome.as_str())
}
