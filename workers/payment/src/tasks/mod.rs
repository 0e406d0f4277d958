//! The tasks of the pool: effects at the provider, each with its undoing and its reconcile, one a file.

mod authorize;
mod capture;
mod collect_payment;
mod refund_charge;
mod request_payment;

pub(crate) use authorize::Authorize;
pub(crate) use capture::Capture;
pub(crate) use collect_payment::CollectPayment;
pub(crate) use refund_charge::RefundCharge;
pub(crate) use request_payment::RequestPayment;

use impresario_protocol::Operation;
use impresario_worker_sdk::TaskContext;

use crate::ledger::{Money, Movement, Transfer};
use crate::provider::Purpose;

/// The key under which the provider knows the effect that a task is about.
fn forward_key(task: &TaskContext) -> String {
    task.forward_effect().to_string()
}

/// The transfer of an effect that happened, whoever learned of it: under the effect's own key.
fn made(task: &TaskContext, movement: Movement, money: &Money) -> Transfer {
    transfer(forward_key(task), task, movement, money)
}

/// The transfer of its undoing: under the compensation's key.
fn undone(task: &TaskContext, movement: Movement, money: &Money) -> Transfer {
    transfer(task.effect().to_string(), task, movement, money)
}

fn transfer(effect: String, task: &TaskContext, movement: Movement, money: &Money) -> Transfer {
    Transfer {
        effect,
        saga: task.saga().to_owned(),
        movement,
        money: money.clone(),
    }
}

fn purpose(task: &TaskContext) -> Purpose {
    match task.task().operation {
        Operation::Forward | Operation::Reconcile => Purpose::Reconcile,
        Operation::Compensate => Purpose::Compensate,
    }
}
