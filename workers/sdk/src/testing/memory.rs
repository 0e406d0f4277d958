//! A transport in memory: the test delivers, and sees results and acknowledgements.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::{Outcome, ResultMessage, TaskResult};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{Delivery, PublishError, Receipt, Transport};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The transport.
#[derive(Debug)]
pub struct MemoryTransport {
    sender: mpsc::UnboundedSender<Delivery>,
    deliveries: AsyncMutex<mpsc::UnboundedReceiver<Delivery>>,
    results: Mutex<Vec<(u16, TaskResult)>>,
    messages: AtomicUsize,
    acknowledged: Arc<AtomicUsize>,
    changed: Arc<Notify>,
    stopped: CancellationToken,
    /// Publishes that fail before one succeeds.
    failures: AtomicUsize,
}

impl Default for MemoryTransport {
    fn default() -> Self {
        let (sender, deliveries) = mpsc::unbounded_channel();
        MemoryTransport {
            sender,
            deliveries: AsyncMutex::new(deliveries),
            results: Mutex::default(),
            messages: AtomicUsize::new(0),
            acknowledged: Arc::default(),
            changed: Arc::default(),
            stopped: CancellationToken::new(),
            failures: AtomicUsize::new(0),
        }
    }
}

impl MemoryTransport {
    /// Delivers a message body.
    pub fn deliver(&self, body: Vec<u8>, redelivered: bool) {
        let (acknowledged, changed) = (self.acknowledged.clone(), self.changed.clone());
        let receipt = Receipt::new(move || {
            acknowledged.fetch_add(1, Ordering::SeqCst);
            changed.notify_waiters();
        });
        self.sender
            .send(Delivery {
                body,
                redelivered,
                receipt,
            })
            .expect("an open transport");
    }

    /// Lets the next publishes fail.
    pub fn fail_publishes(&self, count: usize) {
        self.failures.store(count, Ordering::SeqCst);
    }

    /// Acknowledged deliveries.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Result messages published.
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::SeqCst)
    }

    /// Results so far, in order of publishing, with their partitions.
    pub fn results(&self) -> Vec<(u16, TaskResult)> {
        self.results.lock().expect("an unpoisoned lock").clone()
    }

    /// Waits until `enough` says so, and fails the test when it does not in time.
    pub async fn wait_until(&self, what: &str, enough: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !enough(self) {
                // A bound for a change between the look and the wait.
                drop(tokio::time::timeout(Duration::from_millis(5), self.changed.notified()).await);
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let (results, acks) = (self.results(), self.acknowledged());
            panic!("waited for {what}; seen: {acks} acknowledged, results {results:#?}");
        }
    }

    /// Waits for that many answers (heartbeats not counted) and returns their outcomes, in order.
    pub async fn answers(&self, count: usize) -> Vec<Outcome> {
        let answers = |transport: &Self| -> Vec<Outcome> {
            let results = transport
                .results()
                .into_iter()
                .map(|(_, result)| result.outcome);
            results
                .filter(|outcome| *outcome != Outcome::Heartbeat)
                .collect()
        };
        let enough = |transport: &Self| answers(transport).len() >= count;
        self.wait_until(&format!("{count} answers"), enough).await;
        answers(self)
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn receive(&self) -> Option<Delivery> {
        let mut deliveries = self.deliveries.lock().await;
        tokio::select! {
            biased;
            () = self.stopped.cancelled() => None,
            delivery = deliveries.recv() => delivery,
        }
    }

    async fn publish(&self, partition: u16, body: &[u8]) -> Result<(), PublishError> {
        let less = |failures: usize| failures.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
        {
            return Err(PublishError::Unroutable { partition });
        }
        let message: ResultMessage = serde_json::from_slice(body).expect("a result message");
        self.messages.fetch_add(1, Ordering::SeqCst);
        let results = message
            .results
            .into_iter()
            .map(|result| (partition, result));
        self.results
            .lock()
            .expect("an unpoisoned lock")
            .extend(results);
        self.changed.notify_waiters();
        Ok(())
    }

    async fn stop(&self) {
        self.stopped.cancel();
    }

    async fn close(&self) {}

    fn connected(&self) -> bool {
        !self.stopped.is_cancelled()
    }
}
