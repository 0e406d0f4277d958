//! The world of a replay: participants and people who do again what they did.

use std::collections::BTreeMap;

use serde_json::Value;

use super::life::Life;
use crate::definition::{Definition, Kind};
use crate::record::{Answer, Attempt, Fact, Ordered, OrderedWhat, Story};
use crate::rehearse::{
    BEGINNING, Fate, Letter, MILLI, Mail, Micros, Participants, Says, Seat, TAKES, Task, World,
};
use crate::saga::{Event, Input, Message, Operation, Outcome, Refusal, Stamp, StepResult, Verdict};

/// A recorded world.
pub(super) struct Recorded<'r> {
    definition: &'r Definition,
    /// By unit and operation, in the order in which they were made.
    attempts: BTreeMap<(&'r str, Operation), Vec<&'r Attempt>>,
    /// How many of them were asked for.
    asked: BTreeMap<(String, Operation), usize>,
    /// Recorded attempts that were just asked for: what is said about them while they are worked on.
    begun: Vec<&'r Attempt>,
    /// What had not been answered when the recording ended, or when the saga turned around.
    open: Vec<(String, Operation)>,
    orders: &'r [Ordered],
    given: Vec<bool>,
    pub(super) life: Life,
    /// What the recording does not tell: the first thing.
    pub(super) untold: Option<String>,
    /// What was taken for granted.
    pub(super) assumed: Vec<String>,
}

impl<'r> Recorded<'r> {
    pub(super) fn new(definition: &'r Definition, story: &'r Story) -> Recorded<'r> {
        let mut attempts: BTreeMap<(&str, Operation), Vec<&Attempt>> = BTreeMap::new();
        for attempt in &story.attempts {
            let key = (attempt.step.as_str(), attempt.operation);
            attempts.entry(key).or_default().push(attempt);
        }
        Recorded {
            definition,
            attempts,
            asked: BTreeMap::new(),
            begun: Vec::new(),
            open: Vec::new(),
            orders: &story.orders,
            given: vec![false; story.orders.len()],
            life: Life::default(),
            untold: None,
            assumed: Vec::new(),
        }
    }

    /// The recorded answer to the next attempt of an operation, or what follows from the others.
    fn answer(&mut self, step: &str, operation: Operation) -> Fate {
        let asked = self.asked.entry((step.to_owned(), operation)).or_default();
        let place = *asked;
        *asked += 1;
        let made = self.attempts.get(&(step, operation));
        let made = made.cloned().unwrap_or_default();
        if let Some(&attempt) = made.get(place) {
            self.begun.push(attempt);
            return self.again(attempt);
        }
        // What is final is final: whoever asks once more hears it once more.
        if let Some(attempt) = made.last().filter(|attempt| attempt.answer.is_final()) {
            return self.again(attempt);
        }
        if let Some(outcome) = self.known(step, operation) {
            self.assumed.push(format!(
                "{} of {step} answers what is known",
                noun(operation)
            ));
            return verbatim(outcome, TAKES);
        }
        if operation == Operation::Compensate && made.is_empty() {
            self.assumed.push(format!("the undoing of {step} succeeds"));
            return verbatim(Outcome::Succeeded(Value::Null), TAKES);
        }
        let number = place + 1;
        self.untold(format!(
            "{} {number} of {step} was never made",
            noun(operation)
        ));
        silence()
    }

    fn again(&mut self, attempt: &Attempt) -> Fate {
        match &attempt.answer {
            Answer::Said(outcome) => verbatim(outcome.clone(), attempt.takes * MILLI),
            Answer::Nothing => silence(),
            Answer::Open => {
                self.open.push((attempt.step.clone(), attempt.operation));
                silence()
            }
        }
    }

    /// What the participant would say because the truth about the effect came out in another way.
    fn known(&self, step: &str, operation: Operation) -> Option<Outcome> {
        let other = match operation {
            Operation::Forward => Operation::Reconcile,
            Operation::Reconcile => Operation::Forward,
            Operation::Compensate => return None,
        };
        let made = self.attempts.get(&(step, other))?;
        let Answer::Said(outcome) = &made
            .iter()
            .find(|attempt| attempt.answer.is_final())?
            .answer
        else {
            return None;
        };
        match (operation, outcome) {
            (Operation::Forward, Outcome::Applied(output)) => {
                Some(Outcome::Succeeded(output.clone()))
            }
            (Operation::Reconcile, Outcome::Succeeded(output)) => {
                Some(Outcome::Applied(output.clone()))
            }
            (Operation::Reconcile, Outcome::Rejected(problem)) => {
                Some(Outcome::Closed(problem.clone()))
            }
            // Closed by the asking itself: nobody knows what would have become of it otherwise.
            _ => None,
        }
    }

    /// An answer that was never recorded is missed once its silence means something.
    fn needs_what_is_untold(&mut self, events: &[Event]) {
        let missed = events.iter().find_map(|event| match event {
            Event::RetryScheduled {
                step, operation, ..
            }
            | Event::Parked {
                step, operation, ..
            } => self.is_open(step, *operation).then_some(step),
            Event::GaveUp { step, .. } => self.is_open(step, Operation::Forward).then_some(step),
            _ => None,
        });
        if let Some(step) = missed {
            self.untold(format!("the recording ends before {step} was answered"));
        }
    }

    fn is_open(&self, unit: &str, operation: Operation) -> bool {
        self.open
            .iter()
            .any(|(step, of)| step == unit && *of == operation)
    }

    fn untold(&mut self, what: String) {
        self.untold.get_or_insert(what);
    }

    /// Orders whose moment has come: so long after the fact that they came after.
    fn give_orders(&mut self, now: Micros, facts: &[Fact], mail: &mut Mail) {
        for (place, order) in self.orders.iter().enumerate() {
            if !self.given[place] && facts.contains(&order.after) {
                self.given[place] = true;
                let at = now + order.delay * MILLI;
                let input = self.command(&order.what, place);
                mail.post(at, Letter::News(input));
            }
        }
    }

    fn command(&self, what: &OrderedWhat, place: usize) -> Input {
        let stamp = Stamp {
            key: format!("recorded-{place}"),
            by: "recorded".to_owned(),
            reason: "as it was".to_owned(),
        };
        match what {
            OrderedWhat::Cancel => Input::Cancel(stamp),
            OrderedWhat::Retry => Input::Retry { step: None, stamp },
            OrderedWhat::Signal { name, payload } => Input::Signal(Message {
                key: stamp.key,
                name: name.clone(),
                payload: payload.clone(),
            }),
            OrderedWhat::Decide { step, approved } => Input::Decide(Verdict {
                step: step.clone(),
                approved: *approved,
                roles: self.roles(step),
                stamp,
            }),
        }
    }

    /// Who decided is not told with their roles: they had the one that it takes.
    fn roles(&self, step: &str) -> Vec<String> {
        let step = self.definition.step_index(step);
        match step.map(|step| &self.definition.steps[step].kind) {
            Some(Kind::Approve { roles, .. }) => roles.clone(),
            Some(Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } | Kind::Wait(_)) | None => {
                Vec::new()
            }
        }
    }

    /// Says again that somebody is still at it, where the wait was moved out: at the last instant at which that
    /// still counts, when it was moved only later.
    fn say_again(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail) {
        for attempt in self.begun.drain(..) {
            let sent = events.iter().find_map(|event| match event {
                Event::Dispatched {
                    step,
                    operation,
                    attempt: number,
                    until,
                    ..
                } if *step == attempt.step && *operation == attempt.operation => {
                    Some((*number, *until))
                }
                _ => None,
            });
            let unit = seat.state.unit(self.definition, &attempt.step);
            let (Some((number, until)), Some(unit)) = (sent, unit) else {
                continue;
            };
            let mut over = until.saturating_sub(now / MILLI);
            for (at, until) in &attempt.postponed {
                let heartbeat = Input::Result(StepResult {
                    step: attempt.step.clone(),
                    operation: attempt.operation,
                    generation: seat.state.steps[unit].generation,
                    attempt: number,
                    outcome: Outcome::Heartbeat,
                });
                mail.post(now + over.min(*at) * MILLI, Letter::News(heartbeat));
                over = *until;
            }
        }
    }
}

impl World for Recorded<'_> {
    fn fate(&mut self, task: &Task, _now: Micros, _participants: &Participants) -> Fate {
        let id = &self.definition.steps[task.step].id;
        match task.item {
            Some(item) => self.answer(&format!("{id}:{item}"), task.operation),
            None => self.answer(id, task.operation),
        }
    }

    fn output(&mut self, _task: &Task) -> Value {
        Value::Null
    }

    /// The chances of a recorded backoff are not told: the middle.
    fn jitter_permille(&mut self) -> u16 {
        500
    }

    fn told(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail) {
        let after = (now - BEGINNING) / MILLI;
        events.iter().for_each(|event| self.life.add(after, event));
        let facts: Vec<Fact> = events.iter().filter_map(Fact::of).collect();
        self.needs_what_is_untold(events);
        self.give_orders(now, &facts, mail);
        self.say_again(now, seat, events, mail);
    }

    fn refused(&mut self, _now: Micros, _refusal: &Refusal) {}
}

fn verbatim(outcome: Outcome, takes: Micros) -> Fate {
    Fate {
        acts: false,
        says: Says::Verbatim(Box::new(outcome)),
        lag: 0,
        takes,
    }
}

fn silence() -> Fate {
    Fate {
        acts: false,
        says: Says::Nothing,
        lag: 0,
        takes: TAKES,
    }
}

fn noun(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "attempt",
        Operation::Compensate => "the undoing",
        Operation::Reconcile => "the reconciling",
    }
}
