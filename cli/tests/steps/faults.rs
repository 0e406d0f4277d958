//! Faults between the broker and a pool: a transport that loses, repeats, holds back and lies, as planned per
//! saga, step and operation.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use impresario_protocol::{
    Operation, Outcome, PROTOCOL_VERSION, ResultMessage, Task, TaskMessage, TaskResult,
};
use impresario_worker_sdk::{Delivery, PublishError, Receipt, Transport};
use tokio::sync::Notify;

/// What becomes of a task.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The worker never sees it, and nobody answers.
    Lose,
    /// The worker never sees it; this is answered.
    Answer(Outcome),
    /// The worker runs it twice, side by side.
    Twice,
    /// The worker runs it; its answer is replaced by this.
    RunThenSay(Outcome),
    /// The worker runs it; its answer is lost.
    RunThenLose,
    /// Kept until the story releases it.
    HoldBack,
}

type Place = (String, String, &'static str);

/// The faults of all stories.
#[derive(Default)]
pub(crate) struct Plans {
    planned: Mutex<HashMap<Place, (RangeInclusive<u32>, Fault)>>,
    altered: Mutex<HashMap<Place, (RangeInclusive<u32>, Fault)>>,
    held: Mutex<Vec<(u16, Task)>>,
    released: Mutex<HashMap<String, VecDeque<(u16, Task)>>>,
    release: Notify,
    seen: Mutex<Vec<Task>>,
}

impl Plans {
    /// Plans a fault for these attempts of an operation of a saga's step.
    pub(crate) fn plan(
        &self,
        saga: &str,
        step: &str,
        operation: Operation,
        attempts: RangeInclusive<u32>,
        fault: Fault,
    ) {
        let place = (saga.to_owned(), step.to_owned(), operation.as_str());
        self.planned
            .lock()
            .unwrap()
            .insert(place, (attempts, fault));
    }

    /// Ends a planned fault: from now on the step works.
    pub(crate) fn heal(&self, saga: &str, step: &str, operation: Operation) {
        let place = (saga.to_owned(), step.to_owned(), operation.as_str());
        self.planned.lock().unwrap().remove(&place);
    }

    /// Lets the held-back tasks of a saga's step go to their pool; how many they were.
    pub(crate) fn release(&self, saga: &str, step: &str, pool: &str) -> usize {
        let mut held = self.held.lock().unwrap();
        let (mine, rest): (Vec<_>, Vec<_>) = held
            .drain(..)
            .partition(|(_, task)| task.saga == saga && task.step == step);
        *held = rest;
        let count = mine.len();
        self.released
            .lock()
            .unwrap()
            .entry(pool.to_owned())
            .or_default()
            .extend(mine);
        self.release.notify_waiters();
        count
    }

    /// Every task that came from the broker for this saga.
    pub(crate) fn seen(&self, saga: &str) -> Vec<Task> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|task| task.saga == saga)
            .cloned()
            .collect()
    }

    fn fault(&self, task: &Task) -> Option<Fault> {
        let place = (
            task.saga.clone(),
            task.step.clone(),
            task.operation.as_str(),
        );
        let planned = self.planned.lock().unwrap();
        let (attempts, fault) = planned.get(&place)?;
        attempts.contains(&task.attempt).then(|| fault.clone())
    }

    fn alter(&self, task: &Task, fault: &Fault) {
        let place = (
            task.saga.clone(),
            task.step.clone(),
            task.operation.as_str(),
        );
        self.altered
            .lock()
            .unwrap()
            .insert(place, (task.attempt..=task.attempt, fault.clone()));
    }

    /// What becomes of an answer.
    fn answer(&self, mut result: TaskResult) -> Option<TaskResult> {
        let place = (
            result.saga.clone(),
            result.step.clone(),
            result.operation.as_str(),
        );
        let altered = self.altered.lock().unwrap();
        match altered.get(&place) {
            Some((attempts, fault)) if attempts.contains(&result.attempt) => match fault {
                Fault::RunThenSay(outcome) => {
                    result.outcome = outcome.clone();
                    Some(result)
                }
                Fault::RunThenLose => None,
                Fault::Lose | Fault::Answer(_) | Fault::Twice | Fault::HoldBack => Some(result),
            },
            _ => Some(result),
        }
    }
}

/// A pool's transport with the planned faults in front of it.
pub(crate) struct Faulty {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) plans: Arc<Plans>,
    pub(crate) pool: String,
}

impl Faulty {
    /// The tasks of a message that the worker shall see.
    async fn sift(&self, partition: u16, tasks: Vec<Task>) -> Vec<Task> {
        let mut through = Vec::new();
        for task in tasks {
            self.plans.seen.lock().unwrap().push(task.clone());
            match self.plans.fault(&task) {
                None => through.push(task),
                Some(Fault::Lose) => {}
                Some(Fault::Answer(outcome)) => self.say(partition, &task, outcome).await,
                Some(Fault::Twice) => through.extend([task.clone(), task]),
                Some(fault @ (Fault::RunThenSay(_) | Fault::RunThenLose)) => {
                    self.plans.alter(&task, &fault);
                    through.push(task);
                }
                Some(Fault::HoldBack) => self.plans.held.lock().unwrap().push((partition, task)),
            }
        }
        through
    }

    async fn say(&self, partition: u16, task: &Task, outcome: Outcome) {
        let result = TaskResult {
            saga: task.saga.clone(),
            step: task.step.clone(),
            operation: task.operation,
            generation: task.effect.generation,
            attempt: task.attempt,
            outcome,
            worker: "fault".into(),
        };
        let message = ResultMessage {
            v: PROTOCOL_VERSION,
            results: vec![result],
            probe: None,
        };
        let body = serde_json::to_vec(&message).unwrap();
        self.inner
            .publish(partition, &body)
            .await
            .expect("the broker takes a lie, too");
    }

    fn take_released(&self) -> Option<Delivery> {
        let mut released = self.plans.released.lock().unwrap();
        let (partition, mut task) = released.get_mut(&self.pool)?.pop_front()?;
        // A held-back task is late; that it is not refused for its age alone is the point.
        task.not_after = None;
        Some(delivery(partition, vec![task], Receipt::none()))
    }
}

fn delivery(partition: u16, tasks: Vec<Task>, receipt: Receipt) -> Delivery {
    let body = serde_json::to_vec(&TaskMessage {
        v: PROTOCOL_VERSION,
        partition,
        sent_at: None,
        tasks,
    })
    .unwrap();
    Delivery {
        body,
        redelivered: false,
        receipt,
    }
}

#[async_trait]
impl Transport for Faulty {
    async fn receive(&self) -> Option<Delivery> {
        loop {
            let released = self.plans.release.notified();
            if let Some(delivery) = self.take_released() {
                return Some(delivery);
            }
            let Delivery { body, receipt, .. } = tokio::select! {
                delivery = self.inner.receive() => delivery?,
                () = released => continue,
            };
            let message: TaskMessage = serde_json::from_slice(&body).unwrap();
            let through = self.sift(message.partition, message.tasks).await;
            if through.is_empty() {
                receipt.acknowledge();
                continue;
            }
            return Some(delivery(message.partition, through, receipt));
        }
    }

    async fn publish(&self, partition: u16, body: &[u8]) -> Result<(), PublishError> {
        let mut message: ResultMessage = serde_json::from_slice(body).unwrap();
        message.results = message
            .results
            .into_iter()
            .filter_map(|result| self.plans.answer(result))
            .collect();
        if message.results.is_empty() {
            return Ok(());
        }
        self.inner
            .publish(partition, &serde_json::to_vec(&message).unwrap())
            .await
    }

    async fn stop(&self) {
        self.inner.stop().await;
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    fn connected(&self) -> bool {
        self.inner.connected()
    }
}
