//! Child sagas: the engine is the pool that serves them, behind the same port as every other pool.
//!
//! A task for [`SAGA_POOL`] is a start (or, on the way back, the undoing) of a child; a row for [`REPORTS`] is a child's
//! end on its way to its parent. Both come out of the outbox like tasks and leave it only when the commit that they led
//! to is durable, so a crash anywhere repeats them: a start by its key, an end as news that is known already.
//!
//! The child's key is the effect key of its parent's unit: however often it is asked for, there is one.
//!
//! Subtle: a child is undone by a start first. If it was never started, that makes one which is undone from the
//! beginning, the tombstone that a late start meets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use impresario_protocol as wire;
use impresario_workflows::SagaId;
use impresario_workflows::definition::SAGA_POOL;
use impresario_workflows::saga::{Input, Operation, Outcome, Parent, Problem, Stamp, Start};
use tokio::sync::{mpsc, oneshot};

use crate::broker::{Arrival, Broker, PoolDepth, PublishError, Receipt, TaskList};
use crate::clock::Clock;
use crate::lane::{
    CommandError, CommandOrder, Message, StartError, StartOrder, Started, translate,
};
use crate::store::Database;
use crate::store::definitions::Catalogue;
use crate::store::sagas::load_one;

/// The outbox's name for ends on their way to parents. No pool can be called that.
pub(crate) const REPORTS: &str = "sagas.reports";

/// A start or an end that is not durable by then is left to the outbox, which repeats it.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// Who undoes a child, in its journal.
const PARENT: &str = "the parent saga";

/// A broker whose pool of child sagas is the engine itself.
pub(crate) struct Children {
    inner: Arc<dyn Broker>,
    database: Database,
    catalogue: Arc<Catalogue>,
    lane: mpsc::Sender<Message>,
    clock: Clock,
}

impl Children {
    pub(crate) fn new(
        inner: Arc<dyn Broker>,
        database: Database,
        catalogue: Arc<Catalogue>,
        lane: mpsc::Sender<Message>,
        clock: Clock,
    ) -> Children {
        Children {
            inner,
            database,
            catalogue,
            lane,
            clock,
        }
    }

    async fn deliver(&self, list: TaskList) -> Result<(), PublishError> {
        let done = if list.pool == REPORTS {
            self.report(&list).await
        } else {
            self.ask(&list).await
        };
        done.map_err(|reason| PublishError::Unconfirmed {
            pool: list.pool,
            reason,
        })
    }

    /// Tells parents how their children ended; done when their commits are durable.
    async fn report(&self, list: &TaskList) -> Result<(), String> {
        let results: Vec<wire::TaskResult> = decoded(&list.tasks)?;
        let (acks, mut durable) = mpsc::unbounded_channel();
        let arrival = Arrival::Results {
            partition: list.partition,
            results,
            receipt: Receipt::new(0, 0, acks),
        };
        self.send(Message::Arrival(arrival)).await?;
        match tokio::time::timeout(DURABLE_WITHIN, durable.recv()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => Err("the parents have not taken it in time".to_owned()),
        }
    }

    /// Starts and undoes children side by side.
    async fn ask(&self, list: &TaskList) -> Result<(), String> {
        let tasks: Vec<wire::Task> = decoded(&list.tasks)?;
        let asked = tasks.into_iter().map(|task| self.one(task, list.partition));
        futures::future::join_all(asked)
            .await
            .into_iter()
            .collect::<Result<(), String>>()
    }

    async fn one(&self, task: wire::Task, partition: u16) -> Result<(), String> {
        let operation = translate::operation_in(task.operation);
        let parent = Parent {
            saga: task.saga.clone(),
            step: task.step.clone(),
            generation: task.effect.generation,
        };
        let Some(stored) = self.catalogue.current(&task.task) else {
            let problem = Problem::new(
                "unknown_definition",
                format!("there is no saga definition `{}`", task.task),
            );
            let answer = Outcome::Failed(problem);
            return self
                .tell(partition, parent, operation, answer, task.attempt)
                .await;
        };
        let key = child_key(&task);
        let undoing = operation == Operation::Compensate;
        let stamp = Stamp {
            key: format!("{key} undone"),
            by: PARENT.to_owned(),
            reason: format!("`{}` of saga {} is undone", task.step, task.saga),
        };
        let start = Start {
            input: task.input,
            traceparent: task.traceparent,
            parent: Some(parent.clone()),
            stillborn: undoing.then(|| stamp.clone()),
        };
        let started = self.start(&task.tenant, stored, &key, start).await?;
        if started.created {
            // It reports its end by itself.
            return Ok(());
        }
        if undoing {
            self.undo(started.id, stamp).await?;
        }
        let Some(child) = load_one(&self.database.pool, &self.catalogue, started.id)
            .await
            .map_err(|error| error.to_string())?
        else {
            return Err(format!("child saga {} is gone", started.id));
        };
        let answer = child.state.answer_to_parent(&child.definition, operation);
        self.tell(partition, parent, operation, answer, task.attempt)
            .await
    }

    /// Starts a child, or finds the one that its key has started.
    async fn start(
        &self,
        tenant: &str,
        stored: crate::store::definitions::Stored,
        key: &str,
        start: Start,
    ) -> Result<Started, String> {
        let (reply, answer) = oneshot::channel();
        let order = StartOrder {
            id: SagaId::derive(self.clock.now(), tenant, &stored.definition.name, key),
            tenant: tenant.to_owned(),
            stored,
            key: key.to_owned(),
            // The key alone says what is meant: the same unit of the same parent.
            body_hash: Vec::new(),
            begin: Input::Start(start),
            reply,
        };
        self.send(Message::Start(Box::new(order))).await?;
        let answer = durable(answer, Err(StartError::Unavailable)).await;
        answer.map_err(|error| error.to_string())
    }

    /// Undoes a child that was started before. One that cannot be undone any more says so when it is asked.
    async fn undo(&self, id: SagaId, stamp: Stamp) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let order = CommandOrder {
            id,
            input: Input::Undo(stamp),
            if_seq: None,
            reply,
        };
        self.send(Message::Command(Box::new(order))).await?;
        match durable(answer, Err(CommandError::Unavailable)).await {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(
                error @ (CommandError::NotFound(_)
                | CommandError::Stale { .. }
                | CommandError::Unavailable),
            ) => Err(error.to_string()),
        }
    }

    /// An answer that nothing rests on: lost, it is asked for again.
    async fn tell(
        &self,
        partition: u16,
        parent: Parent,
        operation: Operation,
        outcome: Outcome,
        attempt: u32,
    ) -> Result<(), String> {
        let result = wire::TaskResult {
            attempt,
            ..answer(parent, operation, outcome)
        };
        self.send(Message::Arrival(Arrival::Results {
            partition,
            results: vec![result],
            receipt: Receipt::none(),
        }))
        .await
    }

    async fn send(&self, message: Message) -> Result<(), String> {
        self.lane
            .send(message)
            .await
            .map_err(|_| "the engine is stopping".to_owned())
    }
}

/// What a child says, in the words of the wire.
pub(crate) fn answer(parent: Parent, operation: Operation, outcome: Outcome) -> wire::TaskResult {
    wire::TaskResult {
        saga: parent.saga,
        step: parent.step,
        operation: translate::operation_out(operation),
        generation: parent.generation,
        attempt: 1,
        outcome: translate::outcome_out(outcome),
        worker: SAGA_POOL.to_owned(),
    }
}

/// One child for each unit of a parent, whichever way it is asked.
fn child_key(task: &wire::Task) -> String {
    let forward = match task.effect.direction {
        wire::Direction::Forward => task.effect.clone(),
        wire::Direction::Compensate => task.effect.opposite(),
    };
    forward.to_string()
}

async fn durable<T>(answer: oneshot::Receiver<T>, otherwise: T) -> T {
    match tokio::time::timeout(DURABLE_WITHIN, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => otherwise,
    }
}

/// Rows are written by this program: one that cannot be read was written by a newer one, and is left to it.
fn decoded<T: serde::de::DeserializeOwned>(bodies: &[Bytes]) -> Result<Vec<T>, String> {
    bodies
        .iter()
        .map(|body| serde_json::from_slice(body).map_err(|error| error.to_string()))
        .collect()
}

#[async_trait]
impl Broker for Children {
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        per_message: usize,
    ) -> Vec<Result<(), PublishError>> {
        let mine = |list: &TaskList| list.pool == SAGA_POOL || list.pool == REPORTS;
        if !lists.iter().any(mine) {
            return self.inner.publish(lists, per_message).await;
        }
        let mut outcomes: Vec<Option<Result<(), PublishError>>> = Vec::new();
        let mut theirs = Vec::new();
        for list in lists {
            if mine(&list) {
                outcomes.push(Some(self.deliver(list).await));
            } else {
                outcomes.push(None);
                theirs.push(list);
            }
        }
        let mut published = self.inner.publish(theirs, per_message).await.into_iter();
        outcomes
            .into_iter()
            .filter_map(|outcome| outcome.or_else(|| published.next()))
            .collect()
    }

    async fn read_partitions(&self, partitions: Vec<u16>) {
        self.inner.read_partitions(partitions).await;
    }

    async fn serve_pools(&self, pools: Vec<String>) {
        self.inner.serve_pools(pools).await;
    }

    fn depths(&self) -> BTreeMap<String, PoolDepth> {
        let mut depths = self.inner.depths();
        // Nothing waits for the engine in a queue: what is not taken at once is in the outbox.
        depths.insert(
            SAGA_POOL.to_owned(),
            PoolDepth {
                messages: 0,
                consumers: 1,
            },
        );
        depths
    }

    fn connected(&self) -> bool {
        self.inner.connected()
    }

    fn probe(&self, partition: u16, sent_at: u64) {
        self.inner.probe(partition, sent_at);
    }

    fn announce(&self, body: Vec<u8>) {
        self.inner.announce(body);
    }
}
