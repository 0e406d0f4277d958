//! Results on their way out: one publisher for each partition, which batches by itself.
//!
//! A result leaves at once while the publisher is free, with those of its set; what becomes ready while it waits for
//! confirms leaves together. A message that is not confirmed is published again until it is: repeating an answer is harmless,
//! and the task's message stays unacknowledged meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use impresario_metrics::Count;
use impresario_protocol::{
    MESSAGE_BYTES_MAX, PROTOCOL_VERSION, ResultMessage, TASKS_PER_MESSAGE_MAX, TaskResult,
};
use impresario_traces::Context;
use tokio::sync::{Notify, mpsc};

use crate::{Receipt, Transport, spans};

/// Messages of one partition waiting for their confirm: one would make low load wait for a round trip, many
/// would publish every result by itself.
const UNCONFIRMED_MAX: usize = 2;
/// Results waiting for a publisher; more wait with their tasks.
const WAITING_MAX: usize = 1024;
/// A message is closed before a result that would bring it past this size; one result may be OUTPUT_BYTES_MAX.
const MESSAGE_BYTES_GOOD: usize = MESSAGE_BYTES_MAX / 2;
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The receipt of a message whose tasks are answered one by one.
#[derive(Debug)]
pub(super) struct ListReceipt {
    unanswered: AtomicUsize,
    receipt: Mutex<Option<Receipt>>,
    all_answered: Notify,
}

impl ListReceipt {
    pub(super) fn new(receipt: Receipt, tasks: usize) -> Self {
        ListReceipt {
            unanswered: AtomicUsize::new(tasks),
            receipt: Mutex::new(Some(receipt)),
            all_answered: Notify::new(),
        }
    }

    /// The answer of one task is stored at the broker.
    pub(super) fn answered(&self) {
        if self.unanswered.fetch_sub(1, Ordering::AcqRel) == 1 {
            let receipt = self
                .receipt
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(receipt) = receipt {
                receipt.acknowledge();
            }
            self.all_answered.notify_one();
        }
    }

    /// Waits until every task's answer is stored. For one waiter.
    pub(super) async fn wait(&self) {
        self.all_answered.notified().await;
    }
}

/// One result, and whom to tell when it is stored (nobody for a heartbeat).
pub(super) struct Answer {
    pub(super) result: TaskResult,
    pub(super) receipt: Option<Arc<ListReceipt>>,
    /// The attempt that it answers, when that is traced, and since when it is ready.
    pub(super) traced: Option<(Context, u64)>,
}

/// The publishers.
pub(super) struct Answers {
    transport: Arc<dyn Transport>,
    resent: Count,
    /// The pool's name in traces.
    service: Arc<str>,
    partitions: Mutex<HashMap<u16, mpsc::Sender<Answer>>>,
}

impl Answers {
    pub(super) fn new(transport: Arc<dyn Transport>, resent: Count, service: Arc<str>) -> Self {
        Answers {
            transport,
            resent,
            service,
            partitions: Mutex::new(HashMap::new()),
        }
    }

    /// Hands a result to its partition's publisher.
    pub(super) async fn send(&self, partition: u16, answer: Answer) {
        if self.publisher(partition).send(answer).await.is_err() {
            tracing::error!(partition, "the publisher of this partition has ended");
        }
    }

    fn publisher(&self, partition: u16) -> mpsc::Sender<Answer> {
        let mut partitions = self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let (sender, answers) = mpsc::channel(WAITING_MAX);
            let publisher = Publisher {
                transport: self.transport.clone(),
                partition,
                resent: self.resent.clone(),
                service: self.service.clone(),
            };
            tokio::spawn(publish(publisher, answers));
            sender
        };
        partitions.entry(partition).or_insert_with(start).clone()
    }
}

/// What publishes the results of one partition.
struct Publisher {
    transport: Arc<dyn Transport>,
    partition: u16,
    resent: Count,
    service: Arc<str>,
}

async fn publish(publisher: Publisher, mut answers: mpsc::Receiver<Answer>) {
    let mut unconfirmed = FuturesUnordered::new();
    let mut held = None;
    loop {
        tokio::select! {
            biased;
            Some(()) = unconfirmed.next(), if !unconfirmed.is_empty() => {}
            first = next(&mut held, &mut answers), if unconfirmed.len() < UNCONFIRMED_MAX => {
                let Some(first) = first else { break };
                // Whoever became ready with it, in its set, has been woken too and is about to say so.
                tokio::task::yield_now().await;
                let batch = gather(first, &mut held, &mut answers);
                unconfirmed.push(store(&publisher, batch));
            }
        }
    }
    while unconfirmed.next().await.is_some() {}
}

async fn next(held: &mut Option<Answer>, answers: &mut mpsc::Receiver<Answer>) -> Option<Answer> {
    match held.take() {
        Some(answer) => Some(answer),
        None => answers.recv().await,
    }
}

/// What is ready now, up to what one message may hold; `held` is what did not fit.
fn gather(
    first: Answer,
    held: &mut Option<Answer>,
    answers: &mut mpsc::Receiver<Answer>,
) -> Vec<Answer> {
    let mut bytes = size(&first);
    let mut batch = vec![first];
    while batch.len() < TASKS_PER_MESSAGE_MAX
        && let Ok(answer) = answers.try_recv()
    {
        bytes += size(&answer);
        if bytes > MESSAGE_BYTES_GOOD {
            *held = Some(answer);
            break;
        }
        batch.push(answer);
    }
    batch
}

/// Rough size of a result in its message; only outputs can be large.
fn size(answer: &Answer) -> usize {
    use impresario_protocol::Outcome;
    const FRAME: usize = 256;
    FRAME
        + match &answer.result.outcome {
            Outcome::Succeeded { output } | Outcome::Applied { output } => weight(output),
            Outcome::Rejected(problem)
            | Outcome::Failed(problem)
            | Outcome::Unknown(problem)
            | Outcome::Closed(problem)
            | Outcome::StillOpen(problem) => problem.message.len(),
            Outcome::Refused | Outcome::Expired | Outcome::Heartbeat => 0,
        }
}

/// Rough size of a value, without writing it out.
fn weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 20,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + items.len() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(key, field)| key.len() + 4 + weight(field))
                .sum::<usize>()
                + 2
        }
    }
}

/// Publishes until it is confirmed, then tells the receipts.
async fn store(publisher: &Publisher, batch: Vec<Answer>) {
    let mut results = Vec::with_capacity(batch.len());
    let mut receipts = Vec::with_capacity(batch.len());
    let mut traced = Vec::new();
    for answer in batch {
        if let Some((attempt, since)) = answer.traced {
            traced.push((attempt, since, answer.result.saga.clone()));
        }
        results.push(answer.result);
        receipts.push(answer.receipt);
    }
    let message = ResultMessage {
        v: PROTOCOL_VERSION,
        results,
        probe: None,
    };
    let body = match serde_json::to_vec(&message) {
        Ok(body) => body,
        Err(error) => {
            // Cannot happen with these types; the task's message stays unacknowledged and comes again.
            tracing::error!(%error, "results cannot be encoded");
            return;
        }
    };
    let mut pause = RETRY_FIRST;
    while let Err(error) = publisher
        .transport
        .publish(publisher.partition, &body)
        .await
    {
        tracing::warn!(%error, "results are published again");
        publisher.resent.increment(1);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
    for (attempt, since, saga) in traced {
        spans::answered(&publisher.service, attempt, &saga, since);
    }
    for receipt in receipts.into_iter().flatten() {
        receipt.answered();
    }
}
