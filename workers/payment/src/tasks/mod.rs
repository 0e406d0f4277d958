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

use crate::provider::Purpose;

/// The key under which the provider knows the effect that a task is about.
fn forward_key(task: &TaskContext) -> String {
    task.forward_effect().to_string()
}

fn purpose(task: &TaskContext) -> Purpose {
    match task.task().operation {
        Operation::Forward | Operation::Reconcile => Purpose::Reconcile,
        Operation::Compensate => Purpose::Compensate,
    }
}
