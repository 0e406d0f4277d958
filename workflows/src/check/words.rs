//! Questions in words, for people.

use super::heart::{Ask, Budget, Idle, Spending};
use super::participant::Answer;
use super::skeleton::{Skeleton, Unit};
use crate::saga::Operation;

/// What happens, as the subject of a sentence.
pub(super) fn question(skeleton: &Skeleton, ask: Ask) -> String {
    match ask {
        Ask::Start => "a start".to_owned(),
        Ask::Answered(unit, answer) => {
            format!(
                "`{}` of {}",
                answer_word(answer),
                of(skeleton, unit, answer.operation())
            )
        }
        Ask::Spent(unit, operation, spending, budget) => format!(
            "{} of {} ({})",
            spending_word(spending),
            of(skeleton, unit, operation),
            match budget {
                Budget::Left => "attempts are left",
                Budget::Last => "the last attempt",
            }
        ),
        Ask::Deadline => "the deadline".to_owned(),
        Ask::Cancel => "a cancel".to_owned(),
        Ask::Retry => "an operator's retry".to_owned(),
        Ask::RetryOf(unit) => format!("an operator's retry of `{}`", skeleton.units[unit].id),
        Ask::EngineFault => "an error of the engine".to_owned(),
        Ask::Comes(unit) => format!("what `{}` waits for", skeleton.units[unit].id),
        Ask::StaysAway(unit) => format!("the end of the wait of `{}`", skeleton.units[unit].id),
        Ask::Idle(idle) => idle_words(skeleton, idle),
    }
}

fn idle_words(skeleton: &Skeleton, idle: Idle) -> String {
    match idle {
        Idle::StartedAgain => "a second start".to_owned(),
        Idle::Redispatched => "a redispatch".to_owned(),
        Idle::LookedAt => "a look when nothing is due".to_owned(),
        Idle::Foreign => "an answer about a foreign step".to_owned(),
        Idle::Unserved(unit, operation) => {
            format!(
                "silence in an outage about {}",
                of(skeleton, unit, operation)
            )
        }
        Idle::Expired(unit, operation) => {
            format!("`expired` of {}", of(skeleton, unit, operation))
        }
        Idle::Heartbeat(unit, operation) => {
            format!("a heartbeat of {}", of(skeleton, unit, operation))
        }
        Idle::StaleFailure(unit, operation) => {
            format!("a late `failed` of {}", of(skeleton, unit, operation))
        }
        Idle::CommandedAtTheEnd => "a cancel after the end".to_owned(),
    }
}

/// A unit's operation.
pub(super) fn of(skeleton: &Skeleton, unit: Unit, operation: Operation) -> String {
    let id = &skeleton.units[unit].id;
    match operation {
        Operation::Forward => format!("`{id}`"),
        Operation::Compensate => format!("the undoing of `{id}`"),
        Operation::Reconcile => format!("the reconciling of `{id}`"),
    }
}

/// The word that a worker answers with.
pub(super) fn answer_word(answer: Answer) -> &'static str {
    match answer {
        Answer::Succeeded | Answer::Undone => "succeeded",
        Answer::Rejected => "rejected",
        Answer::Refused => "refused",
        Answer::Applied => "applied",
        Answer::Closed => "closed",
    }
}

/// The word for an attempt that is spent.
pub(super) fn spending_word(spending: Spending) -> &'static str {
    match spending {
        Spending::Failed => "`failed`",
        Spending::Unknown => "`unknown`",
        Spending::Silence => "silence",
    }
}
