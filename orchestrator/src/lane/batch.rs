//! The batch that is being filled: per saga one entry, in saga order.

use std::collections::BTreeMap;

use bytes::Bytes;
use impresario_traces::Span;
use impresario_workflows::saga::Event;
use impresario_workflows::{Millis, SagaId};

use super::settle::Settled;
use super::slot::{Pending, Saga, StoredRow};
use crate::measure::Sample;
use crate::store::commit::Batch;
use crate::store::row::BodyRef;
use crate::store::sagas::instant;

/// All that the next commit adds, by saga.
/// Boxed, because the tree moves its values when it grows.
pub(super) type Entries = BTreeMap<SagaId, Box<Entry>>;

/// What one saga adds.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: i32,
    /// The saga's results partition.
    pub(super) partition: u16,
    pub(super) at: Millis,
    pub(super) events: Vec<Event>,
    pub(super) notes: Vec<String>,
    /// What of it is counted once it is committed.
    pub(super) samples: Vec<Sample>,
    /// What of it is told in spans then.
    pub(super) spans: Vec<Span>,
    pub(super) tasks: Vec<Task>,
    /// The journal row as it is written; empty before that.
    pub(super) body: Bytes,
    /// The inputs that this rests on, with what each came to; decided again when the seq is lost.
    pub(super) inputs: Vec<(Pending, Settled)>,
    pub(super) start: Option<StartRow>,
    /// The version that it goes on under.
    pub(super) definition_id: Option<i32>,
    /// What the saga's row held before, and shall hold.
    pub(super) before: StoredRow,
    pub(super) wanted: StoredRow,
}

/// An encoded task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) pool: String,
    pub(super) partition: u16,
    pub(super) body: Bytes,
}

/// The columns of a new saga that its state does not have.
#[derive(Clone, Debug)]
pub(super) struct StartRow {
    pub(super) tenant: String,
    pub(super) definition: String,
    pub(super) definition_id: i32,
    pub(super) key: String,
    pub(super) body_hash: Vec<u8>,
    pub(super) partition: u16,
    pub(super) business_key: Option<String>,
    pub(super) attributes: Option<String>,
}

impl Entry {
    /// The first decision of a saga in this batch.
    pub(super) fn new(saga: &Saga, at: Millis) -> Entry {
        Entry {
            seq: saga.seq + 1,
            partition: saga.partition,
            at,
            events: Vec::new(),
            notes: Vec::new(),
            samples: Vec::new(),
            spans: Vec::new(),
            tasks: Vec::new(),
            body: Bytes::new(),
            inputs: Vec::new(),
            start: None,
            definition_id: None,
            before: saga.stored,
            wanted: saga.stored,
        }
    }
}

/// What a journal row or a task usually fits into: nothing is moved while it is written.
pub(super) const USUAL_BYTES: usize = 512;

/// The statement's columns. Journal bodies are encoded here, once, so that a re-read can compare bytes.
pub(super) fn columns(
    nonce: String,
    entries: &mut Entries,
    delivered: Vec<i64>,
) -> Result<Batch, serde_json::Error> {
    let mut batch = Batch {
        nonce,
        delivered,
        ..Batch::default()
    };
    let mut starts: Vec<(SagaId, &Entry, &StartRow)> = Vec::new();
    for (&id, entry) in entries.iter_mut() {
        batch.rows.saga.push(id.0);
        batch.rows.seq.push(entry.seq);
        batch
            .rows
            .partition
            .push(i16::try_from(entry.partition).unwrap_or_default());
        let mut body = Vec::with_capacity(USUAL_BYTES);
        let written = BodyRef {
            nonce: &batch.nonce,
            at: entry.at,
            by: &entry.notes,
            events: &entry.events,
        };
        serde_json::to_writer(&mut body, &written)?;
        entry.body = Bytes::from(body);
        batch.rows.body.push(entry.body.clone());
        for task in &entry.tasks {
            batch.tasks.saga.push(id.0);
            batch.tasks.pool.push(task.pool.clone());
            batch
                .tasks
                .partition
                .push(i16::try_from(task.partition).unwrap_or_default());
            batch.tasks.body.push(task.body.clone());
        }
        let entry = &**entry;
        match &entry.start {
            Some(start) => starts.push((id, entry, start)),
            None if entry.wanted != entry.before || entry.definition_id.is_some() => {
                push_change(&mut batch, id, entry);
            }
            None => {}
        }
    }
    // Two replicas that start overlapping keys lock them in the same order.
    starts.sort_by(|(_, _, a), (_, _, b)| {
        (&a.tenant, &a.definition, &a.key).cmp(&(&b.tenant, &b.definition, &b.key))
    });
    for (id, entry, start) in starts {
        push_start(&mut batch, id, entry, start);
    }
    Ok(batch)
}

fn push_change(batch: &mut Batch, id: SagaId, entry: &Entry) {
    let StoredRow { status, wake_at } = entry.wanted;
    batch.changes.saga.push(id.0);
    batch.changes.status.push(status.as_str().to_owned());
    batch
        .changes
        .ended_at
        .push(status.is_final().then(|| instant(entry.at)));
    batch.changes.wake_at.push(wake_at.map(instant));
    batch.changes.definition_id.push(entry.definition_id);
}

fn push_start(batch: &mut Batch, id: SagaId, entry: &Entry, start: &StartRow) {
    let StoredRow { status, wake_at } = entry.wanted;
    let columns = &mut batch.starts;
    columns.saga.push(id.0);
    columns.tenant.push(start.tenant.clone());
    columns.definition.push(start.definition.clone());
    columns.key.push(start.key.clone());
    columns.body_hash.push(start.body_hash.clone());
    columns.definition_id.push(start.definition_id);
    columns
        .partition
        .push(i16::try_from(start.partition).unwrap_or_default());
    columns.status.push(status.as_str().to_owned());
    columns.business_key.push(start.business_key.clone());
    columns.attributes.push(start.attributes.clone());
    columns.started_at.push(instant(entry.at));
    columns
        .ended_at
        .push(status.is_final().then(|| instant(entry.at)));
    columns.wake_at.push(wake_at.map(instant));
}
