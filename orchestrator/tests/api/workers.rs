//! A broker that answers tasks in process, and the workers behind it.
//!
//! What they answer depends on the task alone: a payment token of `tok_slow` is never answered, `tok_declined` is
//! declined, and the tickets of `late@example.org` are refused once, past the point of no return.

use std::collections::BTreeMap;

use async_trait::async_trait;
use impresario_orchestrator::broker::{
    Arrival, Broker, PoolDepth, PublishError, Receipt, TaskList,
};
use impresario_protocol::{Operation, Outcome, Problem, Task, TaskResult};
use serde_json::json;
use tokio::sync::mpsc;

pub(crate) struct Workers {
    arrivals: mpsc::Sender<Arrival>,
}

impl Workers {
    pub(crate) fn new(arrivals: mpsc::Sender<Arrival>) -> Workers {
        Workers { arrivals }
    }

    fn send(&self, arrival: Arrival) {
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move { arrivals.send(arrival).await.ok() });
    }
}

#[async_trait]
impl Broker for Workers {
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        _per_message: usize,
    ) -> Vec<Result<(), PublishError>> {
        for list in &lists {
            let tasks = list.tasks.iter();
            let results: Vec<TaskResult> = tasks
                .map(|task| serde_json::from_slice(task).unwrap())
                .filter_map(result)
                .collect();
            if !results.is_empty() {
                self.send(Arrival::Results {
                    partition: list.partition,
                    results,
                    receipt: Receipt::none(),
                });
            }
        }
        lists.iter().map(|_| Ok(())).collect()
    }

    async fn read_partitions(&self, partitions: Vec<u16>) {
        for partition in partitions {
            self.send(Arrival::Reading { partition });
        }
    }

    async fn serve_pools(&self, _pools: Vec<String>) {}

    fn depths(&self) -> BTreeMap<String, PoolDepth> {
        let depth = PoolDepth {
            messages: 0,
            consumers: 1,
        };
        ["booking", "catalog", "echo", "notification", "payment"]
            .map(|pool| (pool.to_owned(), depth))
            .into()
    }

    fn connected(&self) -> bool {
        true
    }

    fn probe(&self, partition: u16, sent_at: u64) {
        self.send(Arrival::Probe { partition, sent_at });
    }
}

fn result(task: Task) -> Option<TaskResult> {
    let outcome = outcome(&task)?;
    Some(TaskResult {
        saga: task.saga,
        step: task.step,
        operation: task.operation,
        generation: task.effect.generation,
        attempt: task.attempt,
        outcome,
        worker: "test".into(),
    })
}

fn outcome(task: &Task) -> Option<Outcome> {
    if task.operation == Operation::Compensate {
        return Some(Outcome::Succeeded { output: json!({}) });
    }
    let no = |code: &str| Outcome::Rejected(Problem::new(code, "no"));
    let output = match task.task.as_str() {
        "hold-seats" if task.input["seats"] == json!(["Z9"]) => return Some(no("seats_taken")),
        "hold-seats" => json!({
            "hold_id": "h1",
            "price": { "amount": 8400, "currency": "EUR" },
            "seats": task.input["seats"],
            "expires_at": "2026-11-22T23:20:00.000Z",
        }),
        "authorize" if task.input["payment_token"] == "tok_slow" => return None,
        "authorize" if task.input["payment_token"] == "tok_declined" => {
            return Some(no("card_declined"));
        }
        "authorize" => json!({ "authorization_id": "a1" }),
        "capture" => json!({ "charge_id": "c1", "amount": 8400, "currency": "EUR" }),
        "confirm" if task.input["fail"] == true => return Some(no("refused")),
        "confirm"
            if task.input["customer_email"] == "late@example.org"
                && task.effect.generation == 1 =>
        {
            return Some(no("hall_closed"));
        }
        "confirm" => {
            json!({ "booking_ref": "B-1", "tickets": [{ "seat": "A1", "code": "T-1" }] })
        }
        _ => json!({}),
    };
    Some(Outcome::Succeeded { output })
}
