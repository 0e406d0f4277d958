//! Where a saga stands, in words that leave out what makes no difference to what may follow: instants, numbers of
//! attempts, values. Sagas that stand alike are explored once and are one row of an operator's table.

use std::collections::BTreeMap;

use super::{Forward, Operation, Phase, State, StepState, Undoing, Wait, Work};
use crate::definition::Definition;

/// For example `forward: hold done, charge open`. A step that the saga has not come to is left out.
pub fn position(definition: &Definition, state: &State) -> String {
    let mut words = Vec::new();
    for (index, step) in definition.steps.iter().enumerate() {
        let word = stands(&state.steps[index]);
        if word != PENDING {
            words.push(format!("{} {word}", step.id));
        }
        let units = state.units_of(index);
        if !units.is_empty() {
            words.push(format!("{} of {}", items(&state.steps[units]), step.id));
        }
    }
    let steps = if words.is_empty() {
        "nothing asked yet".to_owned()
    } else {
        words.join(", ")
    };
    let set_aside = if state.quarantine.is_some() {
        ", set aside"
    } else {
        ""
    };
    format!("{}{set_aside}: {steps}", way(&state.phase))
}

const PENDING: &str = "pending";

fn way(phase: &Phase) -> &'static str {
    match phase {
        Phase::New => "not started",
        Phase::Forward { turn: None } => "forward",
        Phase::Forward { turn: Some(_) } => "about to turn",
        Phase::Compensating { .. } => "being undone",
        Phase::Completed { .. } => "completed",
        Phase::Compensated { .. } => "undone",
    }
}

/// How many items stand how.
fn items(units: &[StepState]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for unit in units {
        *counts.entry(stands(unit)).or_default() += 1;
    }
    let told: Vec<String> = counts
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    told.join(" and ")
}

/// How one unit of work stands.
pub(crate) fn stands(step: &StepState) -> String {
    let passed = if step.passed { " and passed over" } else { "" };
    let undoing = match &step.undoing {
        Undoing::NotStarted => "",
        Undoing::Open(work) => match work.wait {
            Wait::Answer { .. } | Wait::Backoff { .. } => ", being undone",
            Wait::Operator { ref problem } if problem.code == UNMAPPABLE => {
                ", cannot be asked to be undone"
            }
            Wait::Operator { .. } => ", its undoing before a human",
        },
        Undoing::Done => ", undone",
    };
    format!("{}{passed}{undoing}", forward(step))
}

/// The code of what cannot be sent.
const UNMAPPABLE: &str = "unmappable";

fn forward(step: &StepState) -> &'static str {
    match &step.forward {
        Forward::Pending if step.attempts > 0 => "to be asked again",
        Forward::Pending => PENDING,
        Forward::Skipped => "skipped",
        Forward::Blocked { .. } if step.attempts > 0 => "cannot be asked again",
        Forward::Blocked { .. } => "cannot be asked",
        Forward::Waiting { .. } => "waiting",
        Forward::FannedOut => "under way",
        Forward::Succeeded { .. } => "done",
        Forward::Closed { .. } => "refused",
        Forward::GivenUp { .. } => "given up",
        Forward::Open { operation, work } => open(*operation, work),
    }
}

fn open(operation: Operation, work: &Work) -> &'static str {
    let human = matches!(work.wait, Wait::Operator { .. });
    match (operation, human, work.doubtful) {
        (Operation::Reconcile, false, _) => "being reconciled",
        (Operation::Reconcile, true, _) => "its reconciling before a human",
        (Operation::Forward | Operation::Compensate, false, false) => "open",
        (Operation::Forward | Operation::Compensate, false, true) => "open in doubt",
        (Operation::Forward | Operation::Compensate, true, _) => "before a human",
    }
}
