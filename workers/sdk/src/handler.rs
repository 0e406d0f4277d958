//! The four kinds of handlers, by who keeps the promise that an effect happens at most once.
//!
//! Choose the first that fits: [`Transactional`] when the effect is rows of the pool's own schema, [`Batch`]
//! when many such tasks arrive together, [`External`] when the effect is at somebody else's, [`Free`] when
//! there is none. Compensations of the first two are a [`Compensation`]; an external handler undoes itself.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{Closing, ForwardEffect, HandlerError, TaskContext, Undo, Verdict};

/// An effect in the pool's own schema, one task at a time, inside the barrier's transaction.
#[async_trait]
pub trait Transactional: Send + Sync + 'static {
    /// The task's input.
    type Input: DeserializeOwned + Send + Sync;
    /// The step's output.
    type Output: Serialize + Send;

    /// Makes the effect. Whatever was written is rolled back unless the verdict is [`Verdict::Done`].
    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Self::Input,
    ) -> Result<Verdict<Self::Output>, HandlerError>;
}

/// One task of a set.
#[derive(Debug)]
pub struct BatchItem<I> {
    /// The task.
    pub task: TaskContext,
    /// Its input.
    pub input: I,
}

/// Effects in the pool's own schema, many tasks in one transaction.
#[async_trait]
pub trait Batch: Send + Sync + 'static {
    /// The task's input.
    type Input: DeserializeOwned + Send + Sync;
    /// The step's output.
    type Output: Serialize + Send;

    /// Makes the effects of all items and answers one verdict for each, in order. An item that is not
    /// [`Verdict::Done`] must have written nothing: its siblings commit. An error rolls the whole set back,
    /// and the items come again one by one.
    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Self::Input>],
    ) -> Result<Vec<Verdict<Self::Output>>, HandlerError>;
}

/// Undoes effects of [`Transactional`] and [`Batch`] handlers; called only when there is something to undo.
#[async_trait]
pub trait Compensation: Send + Sync + 'static {
    /// Undoes `forward`. Whatever was written is rolled back unless the answer is [`Undo::Undone`].
    async fn undo(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError>;
}

/// An effect at somebody else's that did happen, or was undone.
#[derive(Debug)]
pub struct Happened<I, O> {
    /// The task that learned of it.
    pub task: TaskContext,
    /// The forward task's input.
    pub input: I,
    /// Its output.
    pub output: O,
}

/// An effect at somebody else's, named there by the effect key. No transaction is open while it is called.
#[async_trait]
pub trait External: Send + Sync + 'static {
    /// The task's input.
    type Input: DeserializeOwned + Send + Sync;
    /// The step's output.
    type Output: Serialize + DeserializeOwned + Send + Sync;

    /// How long the provider remembers a key; past it a repeated request would be a new one.
    fn key_life(&self) -> std::time::Duration;

    /// Asks for the effect under the task's effect key. Must be safe to repeat within the key's life.
    async fn act(&self, task: &TaskContext, input: &Self::Input) -> Verdict<Self::Output>;

    /// Keeps the pool's own books, in the transaction that stores the answers. `effects` have different keys. An
    /// error rolls all of them back, and they come again one by one.
    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Self::Input, Self::Output>],
    ) -> Result<(), HandlerError>;

    /// Finds the effect of the task's forward key or makes "never" permanent at the provider. Called within
    /// the key's life only.
    async fn close(&self, task: &TaskContext, input: &Self::Input) -> Closing<Self::Output>;

    /// Finds the effect without changing anything: all that is left past the key's life. An effect that is
    /// not found then is [`Closing::Unknown`], never closed.
    async fn find(&self, task: &TaskContext, input: &Self::Input) -> Closing<Self::Output>;

    /// Undoes an effect that did happen, under the task's (compensation) effect key.
    async fn undo(&self, task: &TaskContext, input: &Self::Input, output: &Self::Output) -> Undo;

    /// Keeps the books of the undoing, in the transaction that stores it.
    async fn record_undo(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Self::Input, Self::Output>],
    ) -> Result<(), HandlerError>;
}

/// No effect that must happen at most once: no barrier, no database.
#[async_trait]
pub trait Free: Send + Sync + 'static {
    /// Answers the task. Runs beside its siblings in one thread of work, so it must never block.
    async fn run(&self, task: &TaskContext, input: &Value) -> Verdict<Value>;
}
