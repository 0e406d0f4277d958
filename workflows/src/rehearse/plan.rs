//! What is planned to happen in a rehearsal: how the first, second, … task of an operation fares, and when people
//! give orders. What is not planned is left to the world.

use std::collections::BTreeMap;

use super::reason::step_of_unit;
use super::seat::Seat;
use super::{Coming, Fate, Letter, Mail, Micros, Task};
use crate::StepIndex;
use crate::saga::{Event, Input, Operation, Stamp, Status};

/// A plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The tasks of each operation in the order in which they are sent, over all attempts.
    pub(crate) turns: BTreeMap<(Part, Operation), Vec<Turn>>,
    /// What comes to steps that wait, each time that they begin to.
    pub(crate) comings: BTreeMap<StepIndex, Vec<(Coming, Times)>>,
    pub(crate) orders: Vec<Order>,
}

/// A step, or one item of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) step: StepIndex,
    /// With `each`: only the item with this number; without it, all of them.
    pub(crate) item: Option<usize>,
}

impl Part {
    pub(crate) fn whole(step: StepIndex) -> Part {
        Part { step, item: None }
    }
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
    /// As soon as the step is sent for the first time, or begins to wait.
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
#[derive(Clone, Debug)]
pub(crate) struct Prompter<'p> {
    plan: &'p Plan,
    /// Tasks that were sent, as far as they are planned.
    sent: BTreeMap<(Part, Operation), u32>,
    /// How often steps began to wait.
    waited: BTreeMap<StepIndex, u32>,
    given: Vec<bool>,
}

impl<'p> Prompter<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Prompter<'p> {
        Prompter {
            plan,
            sent: BTreeMap::new(),
            waited: BTreeMap::new(),
            given: vec![false; plan.orders.len()],
        }
    }

    /// The planned fate of a task that is being sent; what is planned for its item comes first.
    pub(crate) fn fate(&mut self, task: &Task) -> Option<Fate> {
        let item = task.item.map(|number| Part {
            step: task.step,
            item: Some(number),
        });
        let key = [item, Some(Part::whole(task.step))]
            .into_iter()
            .flatten()
            .map(|part| (part, task.operation))
            .find(|key| self.plan.turns.contains_key(key))?;
        let turns = self.plan.turns.get(&key)?;
        let mut before = count(self.sent.entry(key).or_default());
        let turn = turns.iter().find(|turn| !passes(turn.times, &mut before));
        turn.map(|turn| turn.fate.clone())
    }

    /// What is planned to come to a step that begins to wait.
    pub(crate) fn coming(&mut self, step: StepIndex) -> Option<Coming> {
        let comings = self.plan.comings.get(&step)?;
        let mut before = count(self.waited.entry(step).or_default());
        let coming = comings
            .iter()
            .find(|(_, times)| !passes(*times, &mut before));
        coming.map(|(coming, _)| *coming)
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

/// One more; how many there were before.
fn count(sent: &mut u32) -> u32 {
    *sent += 1;
    *sent - 1
}

/// Whether all turns of this kind are over after `before` ones; takes them off.
fn passes(times: Times, before: &mut u32) -> bool {
    match times {
        Times::Always => false,
        Times::Count(count) if *before < count => false,
        Times::Count(count) => {
            *before -= count;
            true
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

/// Whether the step, or one of its items, is asked for, or begins to wait.
fn sends(event: &Event, id: &str) -> bool {
    match event {
        Event::Dispatched {
            step,
            operation: Operation::Forward,
            ..
        } => step_of_unit(step) == id,
        Event::Waiting { step, .. } => step == id,
        _ => false,
    }
}

/// Whether the step has done what it is there for, with all its items.
fn succeeds(event: &Event, id: &str) -> bool {
    match event {
        Event::Succeeded { step, .. } | Event::SignalTaken { step, .. } => step == id,
        Event::Decided { step, approved, .. } => *approved && step == id,
        _ => false,
    }
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
