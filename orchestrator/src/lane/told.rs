//! Which committed facts are worth a line in the log: those that somebody asks about later, with the saga and its trace.
//!
//! Codes and words of the definition only. What customers and operators have said is in the journal, for whoever may
//! read that.

use impresario_workflows::SagaId;
use impresario_workflows::saga::Event;
use tracing::field::display;

use super::slot::Saga;
use crate::spans::trace_id;

pub(super) fn tell(id: SagaId, saga: &Saga, events: &[Event]) {
    let definition = saga.definition.name.as_str();
    let trace = || trace_id(&saga.state).map(display);
    for event in events {
        match event {
            // A business no is daily bread.
            Event::Turned { cause, .. } => {
                let code = cause.code();
                tracing::debug!(saga_id = %id, trace_id = trace(), definition, code, "turned around");
            }
            Event::RetryScheduled {
                step,
                operation,
                problem,
                spent,
                ..
            } => {
                let (operation, code) = (operation.as_str(), problem.code.as_str());
                tracing::debug!(saga_id = %id, trace_id = trace(), definition, step, operation, code, spent, "an attempt is made again");
            }
            Event::Parked {
                step,
                operation,
                problem,
            } => {
                let (operation, code) = (operation.as_str(), problem.code.as_str());
                tracing::warn!(saga_id = %id, trace_id = trace(), definition, step, operation, code, "stands before a human");
            }
            Event::Quarantined { problem } => {
                let code = problem.code.as_str();
                tracing::error!(saga_id = %id, trace_id = trace(), definition, code, "set aside");
            }
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Blocked { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::Signalled { .. }
            | Event::SignalTaken { .. }
            | Event::Decided { .. }
            | Event::PassedOver { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::Succeeded { .. }
            | Event::Closed { .. }
            | Event::GaveUp { .. }
            | Event::Undone { .. }
            | Event::TurnRequested { .. }
            | Event::Retried { .. }
            | Event::Released { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. }
            | Event::Completed { .. }
            | Event::Compensated {} => {}
        }
    }
}
