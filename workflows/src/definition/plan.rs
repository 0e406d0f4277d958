//! The file with its graph: steps in order, and where the pivot is.

use std::collections::HashMap;

use super::code;
use super::diagnostic::Diagnostic;
use super::file::{SagaFile, StepFile};
use super::model::{StepIndex, StepSet};
use super::read::Reader;
use super::suggest;
use crate::graph::{self, Shape};

/// Steps in topological order, with what the file says about each.
#[derive(Debug)]
pub(crate) struct Plan<'f> {
    pub file: &'f SagaFile,
    pub steps: Vec<&'f StepFile>,
    pub shape: Shape,
    pub pivot: Option<StepIndex>,
}

impl<'f> Plan<'f> {
    /// Links the steps of a file; `None` (and notes) when they need each other in a circle.
    pub(crate) fn link(reader: &mut Reader<'_>, file: &'f SagaFile) -> Option<Plan<'f>> {
        let ids: Vec<&str> = file
            .steps
            .iter()
            .map(|step| step.id.value.as_str())
            .collect();
        let needs: Vec<Vec<usize>> = file
            .steps
            .iter()
            .map(|step| resolve_needs(reader, step, &ids))
            .collect();
        let shape = match graph::shape(&ids, &needs) {
            Ok(shape) => shape,
            Err(cycles) => {
                for cycle in cycles {
                    note_cycle(reader, file, &cycle.0);
                }
                return None;
            }
        };
        let steps: Vec<&StepFile> = shape.order.iter().map(|at| &file.steps[*at]).collect();
        let pivot = steps.iter().position(|step| step.is_pivot());
        Some(Plan {
            file,
            steps,
            shape,
            pivot,
        })
    }

    /// The place of a step in the order.
    pub(crate) fn find(&self, id: &str) -> Option<StepIndex> {
        self.steps.iter().position(|step| step.id.value == id)
    }

    /// Steps in topological order, with their places.
    pub(crate) fn each(&self) -> impl Iterator<Item = (StepIndex, &'f StepFile)> {
        self.steps.iter().copied().enumerate()
    }

    /// What comes before a step.
    pub(crate) fn ancestors(&self, step: StepIndex) -> StepSet {
        self.shape.ancestors[step]
    }

    /// Whether a step comes after the pivot.
    pub(crate) fn is_after_pivot(&self, step: StepIndex) -> bool {
        self.pivot
            .is_some_and(|pivot| self.shape.ancestors[step].contains(pivot))
    }

    /// Whether a step is the pivot or comes after it.
    pub(crate) fn is_only_forward(&self, step: StepIndex) -> bool {
        self.pivot == Some(step) || self.is_after_pivot(step)
    }
}

fn resolve_needs(reader: &mut Reader<'_>, step: &StepFile, ids: &[&str]) -> Vec<usize> {
    let positions: HashMap<&str, usize> =
        ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut found = Vec::new();
    for need in &step.needs {
        if let Some(at) = positions.get(need.value.as_str()) {
            found.push(*at);
            continue;
        }
        let message = format!(
            "step `{}` needs `{}`, which does not exist",
            step.id.value, need.value
        );
        let help = suggest::nearest(&need.value, ids.iter().copied())
            .map(|near| format!("did you mean `{near}`?"));
        reader.note(Diagnostic::error(code::UNKNOWN_NEED, need.place, message).with_help_if(help));
    }
    found
}

fn note_cycle(reader: &mut Reader<'_>, file: &SagaFile, cycle: &[usize]) {
    let ids: Vec<&str> = cycle
        .iter()
        .map(|at| file.steps[*at].id.value.as_str())
        .collect();
    // Each step comes before the next one, so the first one needs the last but one.
    let before = ids.len().checked_sub(2).map(|at| ids[at]);
    let first = cycle.first().map(|at| &file.steps[*at]);
    let place = first.map(|step| {
        let need = step
            .needs
            .iter()
            .find(|need| Some(need.value.as_str()) == before);
        need.map_or(step.id.place, |need| need.place)
    });
    let message = format!("steps wait for each other: {}", ids.join(" → "));
    reader.note(
        Diagnostic::error(code::CYCLE, place.unwrap_or_default(), message)
            .with_help("take one of these `needs` away"),
    );
}
