//! What is found at rest: how the saga stands, and which effects are in the world.

use std::collections::BTreeSet;

use impresario_workflows::check::{Report, SET_ASIDE};
use impresario_workflows::definition::Undo;
use impresario_workflows::saga::Status;

use super::{Plain, World};

/// One way to be at rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rest {
    status: String,
    /// What stands before a human.
    parked: Vec<String>,
    /// Effects that are there.
    there: Vec<String>,
}

impl Plain {
    /// How a world is at rest, if it is.
    pub(crate) fn rest(&self, world: &World) -> Option<Rest> {
        let definition = &self.engine.definition;
        let saga = self.engine.saga(world.saga);
        let status = saga.status(definition);
        let at_rest = match status {
            Status::Completed | Status::Compensated => true,
            Status::Stuck => saga.next_wake(definition).is_none(),
            Status::Running | Status::Waiting | Status::Compensating => false,
        };
        if !at_rest {
            return None;
        }
        let parked = saga.parked(definition).map(|(unit, operation, _)| {
            format!("{} {}", operation.as_str(), definition.steps[unit].id)
        });
        let mut there: Vec<String> = world.there().filter_map(|unit| self.effect(unit)).collect();
        there.sort();
        Some(Rest {
            status: status.as_str().to_owned(),
            parked: parked.collect(),
            there,
        })
    }

    fn effect(&self, unit: usize) -> Option<String> {
        let step = &self.engine.definition.steps[unit];
        match (&step.effect, &step.undo) {
            (Some(effect), _) => Some(effect.clone()),
            (None, Undo::Compensate(_) | Undo::OnlyForward) => Some(step.id.clone()),
            (None, Undo::Nothing { .. } | Undo::Readonly) => None,
        }
    }
}

/// What the explorer found, without sagas that the engine set aside, which this model does not know.
pub(crate) fn of_the_explorer(report: &Report) -> BTreeSet<Rest> {
    let mut found = BTreeSet::new();
    for end in report.ends.iter().filter(|end| end.status != SET_ASIDE) {
        let parked = end.parked.iter();
        let parked: Vec<String> = parked
            .map(|parked| format!("{} {}", parked.operation, parked.step))
            .collect();
        // What may be there or not is there in one way to rest, and not in another.
        for some in 0..1_u32 << end.open.len() {
            let open = end.open.iter().enumerate();
            let open = open.filter(|(at, _)| some & 1 << at != 0);
            let mut there: Vec<String> = open.map(|(_, effect)| effect.clone()).collect();
            there.extend(end.there.iter().cloned());
            there.sort();
            found.insert(Rest {
                status: end.status.to_owned(),
                parked: parked.clone(),
                there,
            });
        }
    }
    found
}
