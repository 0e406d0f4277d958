//! The in-process transport of `impresario dev`: the engine's broker and the workers' transport in one.
//!
//! It forgets everything when the process ends: the engine then sends open attempts again at its next start
//! (`transport_forgets`). Queues are bounded; a full one refuses, and the outbox repeats.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use impresario_orchestrator::broker::{
    Arrival, Broker, PoolDepth, PublishError, Receipt, TaskList,
};
use impresario_orchestrator::clock;
use impresario_protocol::{PROTOCOL_VERSION, ResultMessage};
use impresario_worker_sdk as sdk;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Task messages that may wait for a pool: more than the engine's credit ever lets out.
const QUEUE_MAX: usize = 32 * 1024;

/// The engine's side.
pub(crate) struct InProcess {
    arrivals: mpsc::Sender<Arrival>,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

struct Queue {
    send: mpsc::Sender<Vec<u8>>,
    receive: AsyncMutex<mpsc::Receiver<Vec<u8>>>,
    consumers: AtomicU64,
}

impl InProcess {
    pub(crate) fn new(arrivals: mpsc::Sender<Arrival>) -> Arc<InProcess> {
        Arc::new(InProcess {
            arrivals,
            queues: Mutex::default(),
        })
    }

    /// A worker's side for one pool.
    pub(crate) fn transport(&self, pool: &str) -> Arc<dyn sdk::Transport> {
        let queue = self.queue(pool);
        queue.consumers.fetch_add(1, Ordering::Relaxed);
        Arc::new(Attached {
            queue,
            arrivals: self.arrivals.clone(),
            stop: CancellationToken::new(),
        })
    }

    fn queue(&self, pool: &str) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(pool.to_owned()).or_insert_with(|| {
            let (send, receive) = mpsc::channel(QUEUE_MAX);
            Arc::new(Queue {
                send,
                receive: AsyncMutex::new(receive),
                consumers: AtomicU64::new(0),
            })
        });
        Arc::clone(queue)
    }
}

#[async_trait]
impl Broker for InProcess {
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        per_message: usize,
    ) -> Vec<Result<(), PublishError>> {
        lists
            .into_iter()
            .map(|list| {
                let queue = self.queue(&list.pool);
                list.tasks.chunks(per_message.max(1)).try_for_each(|tasks| {
                    queue
                        .send
                        .try_send(message(list.partition, tasks))
                        .map_err(|_| PublishError::Refused {
                            pool: list.pool.clone(),
                        })
                })
            })
            .collect()
    }

    async fn read_partitions(&self, _partitions: Vec<u16>) {}

    async fn serve_pools(&self, pools: Vec<String>) {
        for pool in pools {
            self.queue(&pool);
        }
    }

    fn depths(&self) -> BTreeMap<String, PoolDepth> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues
            .iter()
            .map(|(pool, queue)| {
                let waiting = queue.send.max_capacity() - queue.send.capacity();
                let messages = u64::try_from(waiting).unwrap_or(u64::MAX);
                let consumers = queue.consumers.load(Ordering::Relaxed);
                (
                    pool.clone(),
                    PoolDepth {
                        messages,
                        consumers,
                    },
                )
            })
            .collect()
    }

    fn connected(&self) -> bool {
        true
    }

    fn probe(&self, partition: u16, sent_at: u64) {
        // Results go through the same channel, so the order is right; a full one proves nothing.
        drop(
            self.arrivals
                .try_send(Arrival::Probe { partition, sent_at }),
        );
    }
}

/// The JSON envelope around tasks that are encoded already.
fn message<T: std::borrow::Borrow<[u8]>>(partition: u16, tasks: &[T]) -> Vec<u8> {
    let sent_at = clock::now();
    let mut body = format!(
        "{{\"v\":{PROTOCOL_VERSION},\"partition\":{partition},\"sent_at\":{sent_at},\"tasks\":["
    )
    .into_bytes();
    body.extend(tasks.join(&b','));
    body.extend(b"]}");
    body
}

struct Attached {
    queue: Arc<Queue>,
    arrivals: mpsc::Sender<Arrival>,
    stop: CancellationToken,
}

#[async_trait]
impl sdk::Transport for Attached {
    async fn receive(&self) -> Option<sdk::Delivery> {
        let mut receive = self.queue.receive.lock().await;
        let body = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            body = receive.recv() => body,
        }?;
        Some(sdk::Delivery {
            body,
            redelivered: false,
            receipt: sdk::Receipt::none(),
        })
    }

    async fn publish(&self, partition: u16, body: &[u8]) -> Result<(), sdk::PublishError> {
        let unconfirmed = |reason: String| sdk::PublishError::Unconfirmed { partition, reason };
        let message: ResultMessage =
            serde_json::from_slice(body).map_err(|error| unconfirmed(error.to_string()))?;
        let arrival = Arrival::Results {
            partition,
            results: message.results,
            receipt: Receipt::none(),
        };
        self.arrivals
            .send(arrival)
            .await
            .map_err(|_| unconfirmed("the engine has stopped".to_owned()))
    }

    async fn stop(&self) {
        if !self.stop.is_cancelled() {
            self.queue.consumers.fetch_sub(1, Ordering::Relaxed);
        }
        self.stop.cancel();
    }

    async fn close(&self) {}

    fn connected(&self) -> bool {
        true
    }
}
