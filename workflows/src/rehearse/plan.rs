//! What is planned to happen in a rehearsal: how the first, second, … task of an operation fares, and when people
//! give orders. What is not planned is left to the world.

use std::collections::BTreeMap;

use super::seat::Seat;
use super::{Fate, Letter, Mail, Micros, Task};
use crate::StepIndex;
use crate::saga::{Event, Input, Operation, Stamp, Status};

/// A plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// By unit and operation: its tasks in the order in which they are sent, over all attempts.
    pub(crate) turns: BTreeMap<(StepIndex, Operation), Vec<Turn>>,
    pub(crate) orders: Vec<Order>,
}

/// A fate for some tasks in a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) fate: Fate,
    pub(crate) times: Times,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Count(u32),
    Always,
}

/// What somebody orders, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) when: When,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// This long after the start.
    At(Micros),
    /// As soon as the step is sent for the first time.
    While(StepIndex),
    /// As soon as the step has succeeded.
    After(StepIndex),
    /// As soon as the saga stands before a human.
    Stuck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Cancel,
    Retry,
}

/// Whoever leads through one rehearsal by a plan.
#[derive(Debug)]
pub(crate) struct Prompter<'p> {
    plan: &'p Plan,
    /// Tasks that were sent, by unit and operation.
    sent: BTreeMap<(StepIndex, Operation), u32>,
    given: Vec<bool>,
}

impl<'p> Prompter<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Prompter<'p> {
        Prompter {
            plan,
            sent: BTreeMap::new(),
            given: vec![false; plan.orders.len()],
        }
    }

    /// The planned fate of a task that is being sent.
    pub(crate) fn fate(&mut self, task: &Task) -> Option<Fate> {
        let key = (task.step, task.operation);
        let turns = self.plan.turns.get(&key)?;
        let sent = self.sent.entry(key).or_default();
        let mut before = *sent;
        *sent += 1;
        for turn in turns {
            match turn.times {
                Times::Always => return Some(turn.fate.clone()),
                Times::Count(count) if before < count => return Some(turn.fate.clone()),
                Times::Count(count) => before -= count,
            }
        }
        None
    }

    /// Gives the orders whose moment new facts have brought.
    pub(crate) fn told(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail) {
        for (place, order) in self.plan.orders.iter().enumerate() {
            if self.given[place] {
                continue;
            }
            if let Some(at) = moment(order.when, now, seat, events) {
                self.given[place] = true;
                mail.post(at, Letter::News(command(order.what, place)));
                // One order at a time: the next one for the same moment sees what this one has done.
                if order.when == When::Stuck {
                    break;
                }
            }
        }
    }
}

/// When an order is given, if its moment has come.
fn moment(when: When, now: Micros, seat: &Seat<'_>, events: &[Event]) -> Option<Micros> {
    let come = match when {
        When::At(after) => return started(events).then(|| now + after),
        When::While(step) => events.iter().any(|event| sends(event, seat.id_of(step))),
        When::After(step) => events.iter().any(|event| succeeds(event, seat.id_of(step))),
        When::Stuck => seat.status() == Status::Stuck,
    };
    come.then_some(now)
}

fn started(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event, Event::Started { .. }))
}

fn sends(event: &Event, id: &str) -> bool {
    matches!(event, Event::Dispatched { step, operation: Operation::Forward, .. } if step == id)
}

fn succeeds(event: &Event, id: &str) -> bool {
    matches!(event, Event::Succeeded { step, .. } if step == id)
}

fn command(what: What, place: usize) -> Input {
    let stamp = Stamp {
        key: format!("order-{place}"),
        by: "somebody".to_owned(),
        reason: "planned".to_owned(),
    };
    match what {
        What::Cancel => Input::Cancel(stamp),
        What::Retry => Input::Retry { step: None, stamp },
    }
}
