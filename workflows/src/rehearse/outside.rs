//! What comes to a saga from outside: the signals that its steps wait for, and people's decisions.
//!
//! A world says what comes to a step, and when ([`Coming`]); this file makes the input of it and sends it. A made-up
//! signal says what the step's output is to be, and it is meant for this saga: the fields that `match` compares are
//! filled in, with what the saga knows or is about to learn.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::reason::step_of_unit;
use super::{Letter, MILLI, Mail, Micros, Seat};
use crate::definition::{Definition, Kind, StepIndex, StepSet};
use crate::expression::{Equal, SagaFacts, Scope};
use crate::saga::{Event, Input, Message, Operation, Stamp, State, Verdict};

/// What comes to a step that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coming {
    pub(crate) what: Comes,
    /// So long after the step began to wait.
    pub(crate) after: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comes {
    /// The signal.
    Signal,
    /// The signal, before anybody waits for it.
    Early,
    /// A signal of that name that is meant for somebody else.
    Foreign,
    /// A person's yes.
    Approved,
    /// A person's no.
    Denied,
    Nothing,
}

impl Coming {
    /// What a step waits for, as soon as can be; nothing, when it waits for nobody.
    pub(crate) fn well(definition: &Definition, step: StepIndex, after: Micros) -> Coming {
        let what = match definition.steps[step].kind {
            Kind::Wait(_) => Comes::Signal,
            Kind::Approve { .. } => Comes::Approved,
            Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } => Comes::Nothing,
        };
        Coming { what, after }
    }

    pub(crate) fn nothing() -> Coming {
        Coming {
            what: Comes::Nothing,
            after: 0,
        }
    }
}

/// Everybody outside, for one saga at a time.
#[derive(Clone, Debug)]
pub(crate) struct Outside<'d> {
    definition: &'d Definition,
    /// The steps that wait for a signal or a person.
    awaiting: StepSet,
    /// What the signals of those steps are compared with.
    meant: Arc<Vec<(StepIndex, Vec<Equal>)>>,
    /// What will come to steps for which that has been asked already.
    asked: Vec<(StepIndex, Coming)>,
    /// Inputs that were sent, for their keys.
    sent: u32,
}

impl<'d> Outside<'d> {
    pub(crate) fn of(definition: &'d Definition) -> Outside<'d> {
        let mut awaiting = StepSet::EMPTY;
        let mut meant = Vec::new();
        for (index, step) in definition.steps.iter().enumerate() {
            match &step.kind {
                Kind::Wait(wait) => {
                    awaiting = awaiting.with(index);
                    let equals = wait.matches.as_ref().map(|matches| matches.equals());
                    meant.push((index, equals.unwrap_or_default()));
                }
                Kind::Approve { .. } => awaiting = awaiting.with(index),
                Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } => {}
            }
        }
        Outside {
            definition,
            awaiting,
            meant: Arc::new(meant),
            asked: Vec::new(),
            sent: 0,
        }
    }

    /// Forgets everything, for the next saga.
    pub(crate) fn clear(&mut self) {
        self.asked.clear();
        self.sent = 0;
    }

    /// New facts: sends what comes to the steps that begin to wait with them, or are about to. `next` says what
    /// comes to a step, `said` what the output of a step is to be.
    pub(crate) fn told<'v>(
        &mut self,
        now: Micros,
        seat: &Seat<'_>,
        events: &[Event],
        mail: &mut Mail,
        mut next: impl FnMut(StepIndex) -> Coming,
        said: impl Fn(StepIndex) -> Option<&'v Value>,
    ) {
        if self.awaiting.is_empty() {
            return;
        }
        for event in events {
            if let Event::Dispatched {
                step,
                operation: Operation::Forward,
                ..
            } = event
            {
                for step in self.about_to_wait(step) {
                    let coming = next(step);
                    let early = coming.what == Comes::Early;
                    if early {
                        self.send(seat, step, coming, now, mail, &said);
                    }
                    let rest = if early { Coming::nothing() } else { coming };
                    self.asked.push((step, rest));
                }
            }
            if let Event::Waiting { step, .. } = event
                && let Some(step) = self.definition.step_index(step)
                && self.awaiting.contains(step)
            {
                let asked = self.asked.iter().position(|(of, _)| *of == step);
                let coming = match asked {
                    Some(place) => self.asked.swap_remove(place).1,
                    None => next(step),
                };
                self.send(seat, step, coming, now + coming.after, mail, &said);
            }
        }
    }

    /// The steps with a signal that come right after a unit, and about which nothing has been asked yet.
    fn about_to_wait(&self, unit: &str) -> Vec<StepIndex> {
        let Some(sent) = self.definition.step_index(step_of_unit(unit)) else {
            return Vec::new();
        };
        let asked = |step: StepIndex| self.asked.iter().any(|(of, _)| *of == step);
        self.meant
            .iter()
            .map(|(step, _)| *step)
            .filter(|&step| self.definition.steps[step].needs.contains(sent) && !asked(step))
            .collect()
    }

    fn send<'v>(
        &mut self,
        seat: &Seat<'_>,
        step: StepIndex,
        coming: Coming,
        at: Micros,
        mail: &mut Mail,
        said: &impl Fn(StepIndex) -> Option<&'v Value>,
    ) {
        let input = match coming.what {
            Comes::Nothing => return,
            Comes::Signal | Comes::Early => {
                let payload = self.payload(&seat.state, step, said);
                self.signal(step, payload)
            }
            Comes::Foreign => self.signal(step, Value::Object(Map::new())),
            Comes::Approved => self.verdict(step, true),
            Comes::Denied => self.verdict(step, false),
        };
        self.sent += 1;
        if let Some(input) = input {
            mail.post(at, Letter::News(input));
        }
    }

    fn signal(&self, step: StepIndex, payload: Value) -> Option<Input> {
        let Kind::Wait(wait) = &self.definition.steps[step].kind else {
            return None;
        };
        Some(Input::Signal(Message {
            key: format!("signal-{}", self.sent),
            name: wait.signal.clone(),
            payload,
        }))
    }

    fn verdict(&self, step: StepIndex, approved: bool) -> Option<Input> {
        let Kind::Approve { roles, .. } = &self.definition.steps[step].kind else {
            return None;
        };
        Some(Input::Decide(Verdict {
            step: self.definition.steps[step].id.clone(),
            approved,
            roles: roles.clone(),
            stamp: Stamp {
                key: format!("decision-{}", self.sent),
                by: "somebody".to_owned(),
                reason: "planned".to_owned(),
            },
        }))
    }

    /// What the signal says: the output that the step is to have, and the fields by which it is recognized.
    fn payload<'v>(
        &self,
        state: &State,
        step: StepIndex,
        said: &impl Fn(StepIndex) -> Option<&'v Value>,
    ) -> Value {
        let mut payload = said(step).cloned().unwrap_or(Value::Null);
        let outputs = |id: &str| {
            let index = self.definition.step_index(id)?;
            state.output(index).or_else(|| said(index))
        };
        let scope = Scope {
            input: &state.input,
            outputs: &outputs,
            saga: SagaFacts {
                id: &state.id,
                started_at: state.started_at,
            },
            item: None,
            signal: None,
        };
        let meant = self.meant.iter().find(|(of, _)| *of == step);
        for equal in meant.iter().flat_map(|(_, equals)| equals) {
            if let Ok(value) = equal.value(&scope) {
                put(&mut payload, &equal.field, value);
            }
        }
        payload
    }
}

/// Sets a field, however deep.
fn put(value: &mut Value, path: &[String], field: Value) {
    let Some((name, below)) = path.split_first() else {
        *value = field;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(fields) = value {
        put(
            fields.entry(name.clone()).or_insert(Value::Null),
            below,
            field,
        );
    }
}

/// The last instant before the wait of a step is over: what comes then still counts.
pub(crate) fn latest(definition: &Definition, step: StepIndex) -> Micros {
    let within = match &definition.steps[step].kind {
        Kind::Wait(wait) => wait.within_ms,
        Kind::Approve { within_ms, .. } => *within_ms,
        Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } => 0,
    };
    within.saturating_sub(1) * MILLI
}
