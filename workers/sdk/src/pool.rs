//! A pool: which handler serves which task name.
//!
//! Built once at the start of a process, then shared. A name means one operation of one kind; a task that asks
//! for another operation under it is a mistake in a definition and is answered `failed`.

use std::collections::HashMap;
use std::sync::Arc;

use impresario_protocol::{Operation, Outcome, Problem};

use crate::execute::batch_queue::BatchQueue;
use crate::execute::external::{self, ErasedExternal};
use crate::execute::external_sets::ExternalSets;
use crate::execute::set;
use crate::execute::transactional::{self, ErasedTransactional};
use crate::execute::{compensate, external_undo, reconcile};
use crate::spans;
use crate::{Batch, Compensation, Database, External, Free, TaskContext, Transactional};

/// Who serves a task name.
enum Handler {
    Free(Operation, Arc<dyn Free>),
    Transactional(Arc<dyn ErasedTransactional>),
    Batch(BatchQueue),
    Compensation(Arc<dyn Compensation>),
    Reconcile,
    External(Arc<ExternalSets>),
    ExternalUndo(Arc<dyn ErasedExternal>),
    ExternalReconcile(Arc<dyn ErasedExternal>),
}

impl Handler {
    fn operation(&self) -> Operation {
        match self {
            Handler::Free(operation, _) => *operation,
            Handler::Transactional(_) | Handler::Batch(_) | Handler::External(_) => {
                Operation::Forward
            }
            Handler::Compensation(_) | Handler::ExternalUndo(_) => Operation::Compensate,
            Handler::Reconcile | Handler::ExternalReconcile(_) => Operation::Reconcile,
        }
    }
}

/// Task names of one external effect.
#[derive(Clone, Copy, Debug)]
pub struct ExternalNames {
    /// The forward task.
    pub forward: &'static str,
    /// Its compensation.
    pub undo: &'static str,
    /// Its reconcile.
    pub reconcile: &'static str,
}

/// The handlers of one pool. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    database: Option<Database>,
    handlers: HashMap<&'static str, Handler>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.inner.name)
            .field("tasks", &self.tasks())
            .finish()
    }
}

impl Pool {
    /// A pool whose handlers have no effects that matter.
    pub fn free(name: impl Into<String>) -> PoolBuilder<NoDatabase> {
        PoolBuilder {
            name: name.into(),
            database: NoDatabase,
            handlers: HashMap::new(),
        }
    }

    /// A pool with its own schema. Must be called inside a tokio runtime.
    pub fn with_database(name: impl Into<String>, database: Database) -> PoolBuilder<Database> {
        PoolBuilder {
            name: name.into(),
            database,
            handlers: HashMap::new(),
        }
    }

    /// The pool's name; its queue is `impresario_protocol::task_queue` of it.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The served task names, sorted.
    pub fn tasks(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.inner.handlers.keys().copied().collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn database(&self) -> Option<&Database> {
        self.inner.database.as_ref()
    }

    /// Runs one task to its answer, without slots, deadline or poison count: those are the worker's.
    pub async fn run(&self, task: TaskContext) -> Outcome {
        let message = task.task();
        let Some(handler) = self.inner.handlers.get(message.task.as_str()) else {
            return Outcome::Failed(Problem::new(
                "unknown_task",
                format!("pool {} serves no task `{}`", self.inner.name, message.task),
            ));
        };
        if handler.operation() != message.operation {
            return Outcome::Failed(Problem::new(
                "wrong_operation",
                format!(
                    "task `{}` is for {}, not for {}",
                    message.task,
                    handler.operation().as_str(),
                    message.operation.as_str()
                ),
            ));
        }
        let database = match (handler, &self.inner.database) {
            (Handler::Free(_, free), _) => {
                return if task.begin() {
                    free.run(&task, &message.input).await.into()
                } else {
                    Outcome::Expired
                };
            }
            (Handler::Batch(queue), _) => return queue.run(task).await,
            (_, Some(database)) => database.clone(),
            (_, None) => {
                let sentence = "this pool has no database";
                return Outcome::Failed(Problem::new("worker_bug", sentence));
            }
        };
        // Boxed: a list of free tasks must not carry the size of a database transaction for each of them.
        Box::pin(with_database(handler, database, task)).await
    }
}

async fn with_database(handler: &Handler, database: Database, task: TaskContext) -> Outcome {
    match handler {
        Handler::Free(..) | Handler::Batch(_) => Outcome::Failed(Problem::new(
            "worker_bug",
            "a handler without a transaction was given one",
        )),
        Handler::Transactional(handler) => {
            transactional::run(database, handler.clone(), task).await
        }
        Handler::Compensation(handler) => compensate::run(database, handler.clone(), task).await,
        Handler::Reconcile => reconcile::run(database, task).await,
        Handler::External(sets) => external::run(sets.clone(), task).await,
        Handler::ExternalUndo(handler) => {
            external_undo::compensate(database, handler.clone(), task).await
        }
        Handler::ExternalReconcile(handler) => {
            external_undo::reconcile(database, handler.clone(), task).await
        }
    }
}

/// The database of a pool that has none.
#[derive(Debug)]
pub struct NoDatabase;

/// Collects handlers by task name. A name registered twice belongs to the later handler.
pub struct PoolBuilder<D> {
    name: String,
    database: D,
    handlers: HashMap<&'static str, Handler>,
}

impl<D> PoolBuilder<D> {
    /// A forward task without an effect that matters.
    pub fn free(self, task: &'static str, handler: impl Free) -> Self {
        self.with(task, Handler::Free(Operation::Forward, Arc::new(handler)))
    }

    /// The undoing of one.
    pub fn free_compensation(self, task: &'static str, handler: impl Free) -> Self {
        self.with(
            task,
            Handler::Free(Operation::Compensate, Arc::new(handler)),
        )
    }

    fn with(mut self, task: &'static str, handler: Handler) -> Self {
        self.handlers.insert(task, handler);
        self
    }
}

impl PoolBuilder<NoDatabase> {
    /// The pool.
    pub fn build(self) -> Pool {
        let inner = Inner {
            name: self.name,
            database: None,
            handlers: self.handlers,
        };
        Pool {
            inner: Arc::new(inner),
        }
    }
}

impl PoolBuilder<Database> {
    /// One task, one transaction.
    pub fn transactional(self, task: &'static str, handler: impl Transactional) -> Self {
        let handler = Arc::new(transactional::Erase(handler));
        self.with(task, Handler::Transactional(handler))
    }

    /// Many tasks, one transaction.
    pub fn batch(self, task: &'static str, handler: impl Batch) -> Self {
        let handler = Arc::new(set::Erase(handler));
        let queue = BatchQueue::start(self.database.clone(), handler);
        self.with(task, Handler::Batch(queue))
    }

    /// Undoes effects of transactional and batch handlers.
    pub fn compensation(self, task: &'static str, handler: impl Compensation) -> Self {
        self.with(task, Handler::Compensation(Arc::new(handler)))
    }

    /// Finds or closes effects of transactional and batch handlers: the barrier alone can answer that.
    pub fn reconcile(self, task: &'static str) -> Self {
        self.with(task, Handler::Reconcile)
    }

    /// An effect at somebody else's, with its undoing and its reconcile.
    pub fn external(self, names: ExternalNames, handler: impl External) -> Self {
        let handler: Arc<dyn ErasedExternal> = Arc::new(external::Erase {
            handler,
            service: spans::service(&self.name),
        });
        let sets = ExternalSets::start(self.database.clone(), handler.clone());
        self.with(names.forward, Handler::External(sets))
            .with(names.undo, Handler::ExternalUndo(handler.clone()))
            .with(names.reconcile, Handler::ExternalReconcile(handler))
    }

    /// The pool.
    pub fn build(self) -> Pool {
        let inner = Inner {
            name: self.name,
            database: Some(self.database),
            handlers: self.handlers,
        };
        Pool {
            inner: Arc::new(inner),
        }
    }
}
