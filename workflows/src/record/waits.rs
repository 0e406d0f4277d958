//! From a journal to the waits: which steps waited for somebody outside, and what came to them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Millis;
use crate::saga::Event;

/// A step that waited.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waited {
    pub(crate) step: String,
    pub(crate) came: Came,
    /// From the beginning of the wait.
    pub(crate) after: Millis,
}

/// What came to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// A signal that says this; early, when it came before the wait had begun.
    Signal {
        payload: Value,
        early: bool,
    },
    Decision {
        approved: bool,
    },
    /// Nothing in time.
    Nothing,
}

/// The waits while a journal is read.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Steps that wait, with the instant at which they began to.
    waiting: BTreeMap<String, Millis>,
    /// Signals by their keys.
    signals: BTreeMap<String, (Millis, Value)>,
    over: Vec<Waited>,
}

impl Waits {
    pub(super) fn event(&mut self, now: Millis, event: &Event) {
        match event {
            Event::Waiting { step, at, .. } => {
                self.waiting.insert(step.clone(), *at);
            }
            Event::Signalled { key, payload, .. } => {
                let signal = (now, Value::clone(payload));
                self.signals.insert(key.clone(), signal);
            }
            Event::SignalTaken { step, key } => {
                let since = self.waiting.get(step).copied();
                if let (Some(since), Some((came_at, payload))) = (since, self.signals.remove(key)) {
                    let early = came_at < since;
                    self.ends(step, Came::Signal { payload, early }, came_at);
                }
            }
            Event::Decided { step, approved, .. } => {
                let approved = *approved;
                self.ends(step, Came::Decision { approved }, now);
            }
            Event::Closed { step, .. } => self.ends(step, Came::Nothing, now),
            // The end of a sleep among them: nothing was waited for but time.
            Event::Succeeded { step, .. } => {
                self.waiting.remove(step);
            }
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Blocked { .. }
            | Event::FannedOut { .. }
            | Event::PassedOver { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::RetryScheduled { .. }
            | Event::GaveUp { .. }
            | Event::Parked { .. }
            | Event::Undone { .. }
            | Event::TurnRequested { .. }
            | Event::Turned { .. }
            | Event::Retried { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. }
            | Event::Completed { .. }
            | Event::Compensated {} => {}
        }
    }

    /// The waits that ended; those that a turn cut off tell nothing.
    pub(super) fn over(self) -> Vec<Waited> {
        self.over
    }

    fn ends(&mut self, step: &str, came: Came, at: Millis) {
        if let Some(since) = self.waiting.remove(step) {
            self.over.push(Waited {
                step: step.to_owned(),
                came,
                after: at.saturating_sub(since),
            });
        }
    }
}
