//! Facts and meanings as words: one short line each, the same in stories and in the table.

use impresario_workflows::saga::{Cause, Event, Ignored, Known, Meaning};

use super::BEGINNING;

pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Started { .. } => "started".to_owned(),
        Event::Found { by, .. } => format!("{by} found it after it was lost"),
        Event::Waiting { step, .. } => format!("waits {step}"),
        Event::FannedOut { step, items } => format!("fanned out {step}, {} items", items.len()),
        Event::Signalled { name, .. } => format!("signalled {name}"),
        Event::SignalTaken { step, .. } => format!("taken by {step}"),
        Event::Decided { step, approved, .. } => {
            format!("{} {step}", if *approved { "approved" } else { "denied" })
        }
        Event::PassedOver { step } => format!("passed over {step}"),
        Event::Skipped { step } => format!("skipped {step}"),
        Event::Blocked { step, problem } => format!("blocked {step} ({})", problem.code),
        Event::Dispatched {
            step,
            operation,
            attempt,
            ..
        } => {
            format!("sent {step} {} {attempt}", operation.as_str())
        }
        Event::Postponed {
            step, operation, ..
        } => {
            format!("postponed {step} {}", operation.as_str())
        }
        Event::RetryScheduled {
            step,
            operation,
            spent,
            doubtful,
            ..
        } => {
            let doubt = if *doubtful { ", in doubt" } else { "" };
            format!("later {step} {}, {spent} spent{doubt}", operation.as_str())
        }
        Event::Succeeded { step, .. } => format!("succeeded {step}"),
        Event::Closed { step, problem } => format!("closed {step} ({})", problem.code),
        Event::GaveUp {
            step,
            known,
            problem,
        } => {
            let known = match known {
                Known::Failed => "failed",
                Known::Unknown => "unknown",
            };
            format!("gave up {step}, {known} ({})", problem.code)
        }
        Event::Parked {
            step,
            operation,
            problem,
        } => {
            format!("parked {step} {} ({})", operation.as_str(), problem.code)
        }
        Event::Undone { step } => format!("undone {step}"),
        Event::TurnRequested { cause: why, .. } => format!("wants to turn: {}", cause(why)),
        Event::Turned { cause: why, .. } => format!("turned: {}", cause(why)),
        Event::Retried {
            step,
            operation,
            generation,
            ..
        } => {
            format!(
                "retried {step} {}, generation {generation}",
                operation.as_str()
            )
        }
        Event::Quarantined { problem } => format!("quarantined ({})", problem.code),
        Event::Released { .. } => "released".to_owned(),
        Event::Migrated { by, .. } => format!("{by} lets it go on under another version"),
        Event::WakeMoved { until: Some(until) } => {
            format!("wake moved to {} ms", until.saturating_sub(BEGINNING))
        }
        Event::WakeMoved { until: None } => "wake moved to never".to_owned(),
        Event::Completed { problem: None, .. } => "completed".to_owned(),
        Event::Completed {
            problem: Some(problem),
            ..
        } => {
            format!("completed without output ({})", problem.code)
        }
        Event::Compensated {} => "compensated".to_owned(),
    }
}

pub(crate) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Rejected { step, problem } => format!("rejected {step} ({})", problem.code),
        Cause::Failed { step, problem } => format!("failed {step} ({})", problem.code),
        Cause::Unknown { step, problem } => format!("unknown {step} ({})", problem.code),
        Cause::Unmappable { step, .. } => format!("unmappable {step}"),
        Cause::Cancelled { .. } => "cancelled".to_owned(),
        Cause::Deadline => "deadline".to_owned(),
    }
}

pub(crate) fn meaning(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::News => "news",
        Meaning::Ignored(Ignored::AlreadyStarted) => "already started",
        Meaning::Ignored(Ignored::NotStarted) => "not started",
        Meaning::Ignored(Ignored::Ended) => "ended",
        Meaning::Ignored(Ignored::Stale) => "stale",
        Meaning::Ignored(Ignored::Known) => "known",
        Meaning::Ignored(Ignored::Foreign) => "foreign",
        Meaning::Ignored(Ignored::NotDue) => "not due",
        Meaning::Ignored(Ignored::Quarantined) => "quarantined",
    }
}
