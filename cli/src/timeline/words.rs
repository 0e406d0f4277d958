//! One sentence for each fact of a journal.
//!
//! Facts that this version does not know (a newer server's) are told by their own name instead of being hidden.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use impresario_workflows::saga::{Cause, Event, Known, Operation, Problem};
use serde_json::Value;

/// Outputs are shown up to here: enough to recognise them.
const OUTPUT_MAX: usize = 70;

/// How a sentence is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
}

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// Attempts that were sent before: step, operation, attempt.
pub(super) type Sent = BTreeSet<(String, &'static str, u32)>;

/// The step that a fact is about (or nothing) and the sentence; nothing at all for bookkeeping.
pub(super) fn of(
    event: &Value,
    tasks: &BTreeMap<&str, &str>,
    sent: &mut Sent,
    at: DateTime<Utc>,
) -> Option<(String, Said)> {
    let Ok(event) = serde_json::from_value::<Event>(event.clone()) else {
        let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        return Some((word("step"), plain(word("event"))));
    };
    let said = match event {
        Event::Started { .. } => (String::new(), plain("started")),
        Event::Found { by, reason, .. } => (
            String::new(),
            plain(format!("was lost; {by} has it undone: {reason}")),
        ),
        Event::Skipped { step } => (step, plain("skipped: its condition is false")),
        Event::Waiting { step, at, until } => {
            let seconds = until.saturating_sub(at) / 1_000;
            (step, plain(format!("waits, at most {seconds} s")))
        }
        Event::FannedOut { step, items } => (
            step,
            plain(format!("is done for each of {} items", items.len())),
        ),
        Event::Signalled { name, payload, .. } => (
            String::new(),
            plain(format!("signal {name} came {}", short(&payload))),
        ),
        Event::SignalTaken { step, .. } => (step, good("has the signal that it waited for")),
        Event::Decided {
            step,
            approved,
            by,
            reason,
            ..
        } => (
            step,
            if approved {
                good(format!("{by} approved, {reason}"))
            } else {
                bad(format!("{by} said no, {reason}"))
            },
        ),
        Event::PassedOver { step } => (step, plain("failed; the saga goes on without it")),
        Event::Blocked { step, problem } => {
            (step, bad(format!("cannot be sent: {}", reason(&problem))))
        }
        Event::Dispatched {
            step,
            operation,
            attempt,
            ..
        } => {
            let again = !sent.insert((step.clone(), operation_word(operation), attempt));
            let task = tasks.get(step.as_str()).copied().unwrap_or_default();
            let text = dispatched(operation, task, attempt, again);
            (step, plain(text))
        }
        Event::Postponed { step, .. } => (step, plain("the wait for an answer is extended")),
        Event::RetryScheduled {
            step,
            operation,
            problem,
            until,
            ..
        } => {
            let now = u64::try_from(at.timestamp_millis()).unwrap_or_default();
            let wait = until.saturating_sub(now);
            let text = format!(
                "{}: {}; again in {wait} ms",
                missed(operation),
                reason(&problem)
            );
            (step, bad(text))
        }
        Event::Succeeded { step, output } => (step, good(format!("done {}", short(&output)))),
        Event::Closed { step, problem } => {
            (step, bad(format!("no effect, ever: {}", reason(&problem))))
        }
        Event::GaveUp {
            step,
            known: Known::Failed,
            problem,
        } => (
            step,
            bad(format!(
                "gave up, every attempt failed: {}",
                reason(&problem)
            )),
        ),
        Event::GaveUp {
            step,
            known: Known::Unknown,
            problem,
        } => (
            step,
            bad(format!(
                "gave up, the outcome is unknown: {}",
                reason(&problem)
            )),
        ),
        Event::Parked {
            step,
            operation,
            problem,
        } => {
            let text = format!(
                "{} waits for a person: {}",
                noun(operation),
                reason(&problem)
            );
            (step, bad(text))
        }
        Event::Undone { step } => (step, good("undone")),
        Event::TurnRequested { cause, .. } => {
            let text = format!(
                "will turn around once the pivot has answered: {}",
                why(&cause)
            );
            (String::new(), bad(text))
        }
        Event::Turned { cause, .. } => {
            (String::new(), bad(format!("turns around: {}", why(&cause))))
        }
        Event::Retried {
            step,
            operation,
            by,
            reason,
            ..
        } => (
            step,
            plain(format!("{by} lets {} try again: {reason}", noun(operation))),
        ),
        Event::Quarantined { problem } => (
            String::new(),
            bad(format!("set aside by the engine: {}", reason(&problem))),
        ),
        Event::Released { by, reason, .. } => (
            String::new(),
            plain(format!("{by} lets it go on: {reason}")),
        ),
        Event::Migrated { by, to, reason, .. } => {
            let hash: String = to.chars().take(12).collect();
            let text = format!("{by} lets it go on under version {hash}…: {reason}");
            (String::new(), plain(text))
        }
        Event::WakeMoved { .. } => return None,
        Event::Completed { .. } => (String::new(), good("ended: completed")),
        Event::Compensated {} => (String::new(), good("ended: everything is undone")),
    };
    Some(said)
}

fn dispatched(operation: Operation, task: &str, attempt: u32, again: bool) -> String {
    let what = match operation {
        Operation::Forward => task.to_owned(),
        Operation::Compensate => "undo".to_owned(),
        Operation::Reconcile => "ask whether it happened".to_owned(),
    };
    match (operation, again, attempt) {
        (Operation::Forward, true, _) => {
            format!("sent again to {what} (attempt {attempt}, same key)")
        }
        (Operation::Forward, false, 1) => format!("sent to {what}"),
        (Operation::Forward, false, _) => format!("sent to {what} (attempt {attempt}, same key)"),
        (Operation::Compensate | Operation::Reconcile, true, _) => format!("{what}, sent again"),
        (Operation::Compensate | Operation::Reconcile, false, 1) => what,
        (Operation::Compensate | Operation::Reconcile, false, _) => {
            format!("{what} (attempt {attempt})")
        }
    }
}

fn operation_word(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "forward",
        Operation::Compensate => "compensate",
        Operation::Reconcile => "reconcile",
    }
}

fn noun(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "the run",
        Operation::Compensate => "the undoing",
        Operation::Reconcile => "the reconciling",
    }
}

/// What an attempt without success has not done.
fn missed(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "not done",
        Operation::Compensate => "not undone",
        Operation::Reconcile => "not found out",
    }
}

fn reason(problem: &Problem) -> String {
    if problem.message.is_empty() {
        return problem.code.clone();
    }
    format!("{} ({})", problem.code, problem.message)
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Rejected { step, problem } => format!("{step} was rejected, {}", reason(problem)),
        Cause::Failed { step, problem } => format!("{step} failed for good, {}", reason(problem)),
        Cause::Unknown { step, problem } => {
            format!("the outcome of {step} stayed unknown, {}", reason(problem))
        }
        Cause::Unmappable { step, problem } => {
            format!("the input of {step} could not be made, {}", reason(problem))
        }
        Cause::Cancelled { by, reason } => format!("{by} cancelled it, {reason}"),
        Cause::Deadline => "its deadline passed".to_owned(),
    }
}

fn short(output: &Value) -> String {
    let text = match output {
        Value::Null => return String::new(),
        Value::Object(fields) if fields.is_empty() => return String::new(),
        other => other.to_string(),
    };
    if text.chars().count() <= OUTPUT_MAX {
        return text;
    }
    let head: String = text.chars().take(OUTPUT_MAX).collect();
    format!("{head}…")
}

fn plain(text: impl Into<String>) -> Said {
    Said {
        tone: Tone::Plain,
        text: text.into(),
    }
}

fn good(text: impl Into<String>) -> Said {
    Said {
        tone: Tone::Good,
        text: text.into().trim_end().to_owned(),
    }
}

fn bad(text: impl Into<String>) -> Said {
    Said {
        tone: Tone::Bad,
        text: text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_outputs_are_cut_between_characters() {
        let text = short(&Value::String("é".repeat(200)));
        assert_eq!(text.chars().count(), OUTPUT_MAX + 1);
        assert_eq!(short(&serde_json::json!({})), "");
    }

    #[test]
    fn a_second_attempt_is_said_to_be_one() {
        assert_eq!(
            dispatched(Operation::Forward, "p/t", 1, false),
            "sent to p/t"
        );
        assert_eq!(
            dispatched(Operation::Forward, "p/t", 2, false),
            "sent to p/t (attempt 2, same key)"
        );
        assert_eq!(
            dispatched(Operation::Reconcile, "p/t", 1, false),
            "ask whether it happened"
        );
    }
}
