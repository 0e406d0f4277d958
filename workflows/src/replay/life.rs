//! One life of a saga, told by its facts: the recorded one or the one that would have been.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Millis;
use crate::record::Fact;
use crate::saga::Event;

/// Facts in order, and what they come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Life {
    /// With the time since the start.
    pub(super) facts: Vec<(Millis, Fact)>,
    pub(super) end: LifeEnd,
}

/// What a life comes to.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct LifeEnd {
    /// `completed`, `compensated`, `stuck` or `endless`.
    pub end: &'static str,
    /// Why it turned around.
    pub turned: Option<String>,
    /// Steps whose effect happened and was not undone.
    pub happened: BTreeSet<String>,
    /// Steps that were undone.
    pub undone: BTreeSet<String>,
    /// Steps that stand before a human.
    pub stuck: BTreeSet<String>,
    /// What it answers.
    pub output: Option<Value>,
}

impl Life {
    /// A further fact.
    pub(super) fn add(&mut self, after: Millis, event: &Event) {
        let Some(fact) = Fact::of(event) else {
            return;
        };
        if let Some(step) = &fact.step {
            self.end.stuck.remove(step);
        }
        match event {
            Event::Succeeded { step, .. } => {
                self.end.happened.insert(step.clone());
            }
            Event::Undone { step } => {
                self.end.happened.remove(step);
                self.end.undone.insert(step.clone());
            }
            Event::Parked { step, .. } => {
                self.end.stuck.insert(step.clone());
            }
            Event::Turned { .. } => self.end.turned = Some(fact.says.clone()),
            Event::Completed { output, .. } => self.end.output = Some(Value::clone(output)),
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::Signalled { .. }
            | Event::SignalTaken { .. }
            | Event::Decided { .. }
            | Event::PassedOver { .. }
            | Event::Blocked { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::RetryScheduled { .. }
            | Event::Closed { .. }
            | Event::GaveUp { .. }
            | Event::TurnRequested { .. }
            | Event::Retried { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. }
            | Event::Compensated {} => {}
        }
        self.facts.push((after, fact));
    }
}
