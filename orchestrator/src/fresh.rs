//! Journal rows that this process has just committed, kept for who tells them on Kafka a moment later.
//!
//! The journal is the truth, and whoever does not find a row here reads it there. So this forgets whenever it likes: all of
//! it when it is full, because then nobody has taken anything for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use impresario_workflows::saga::Event;
use impresario_workflows::{Definition, Millis, SagaId};

/// Rows kept at most: what a busy replica commits in half a second, two turns of a publisher.
const ROWS_MAX: usize = 16_384;

/// Bytes of their bodies at most; what they hold in memory beside is about as much again.
const BYTES_MAX: usize = 8 << 20;

/// A row of the journal, and what else is told of its saga.
#[derive(Debug)]
pub(crate) struct Row {
    /// As it was written.
    pub(crate) body: Bytes,
    /// Which commit.
    pub(crate) commit: Arc<str>,
    /// When it was decided.
    pub(crate) at: Millis,
    /// What became true.
    pub(crate) events: Vec<Event>,
    /// The saga's tenant.
    pub(crate) tenant: Arc<str>,
    /// Its definition, for its name.
    pub(crate) definition: Arc<Definition>,
}

/// What is kept, by saga and number.
#[derive(Debug, Default)]
pub struct Fresh {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: HashMap<(SagaId, i32), Row>,
    bytes: usize,
}

impl Fresh {
    /// Keeps a row that is committed.
    pub(crate) fn keep(&self, number: (SagaId, i32), row: Row) {
        let mut kept = self.lock();
        if kept.rows.len() >= ROWS_MAX || kept.bytes + row.body.len() > BYTES_MAX {
            *kept = Kept::default();
        }
        kept.bytes += row.body.len();
        kept.rows.insert(number, row);
    }

    /// Takes these rows out, in this order; nothing in the place of one that is not there.
    pub(crate) fn take(&self, numbers: &[(SagaId, i32)]) -> Vec<Option<Row>> {
        let mut kept = self.lock();
        let mut take = |number| {
            let row = kept.rows.remove(number)?;
            kept.bytes = kept.bytes.saturating_sub(row.body.len());
            Some(row)
        };
        numbers.iter().map(&mut take).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use impresario_workflows::definition::SHIPPED;

    use super::*;

    fn row(definition: &Arc<Definition>, bytes: usize) -> Row {
        Row {
            body: Bytes::from(vec![b' '; bytes]),
            commit: Arc::from("a.1"),
            at: 7,
            events: Vec::new(),
            tenant: Arc::from("main"),
            definition: Arc::clone(definition),
        }
    }

    fn number(n: i32) -> (SagaId, i32) {
        (SagaId(uuid::Uuid::nil()), n)
    }

    #[test]
    fn a_row_is_taken_once_and_a_full_store_begins_anew() {
        let (_, text) = SHIPPED[1];
        let definition = Arc::new(Definition::parse("trivial", text).unwrap());
        let fresh = Fresh::default();
        fresh.keep(number(1), row(&definition, 1));
        let taken = fresh.take(&[number(2), number(1)]);
        assert!(taken[0].is_none() && taken[1].is_some());
        assert!(fresh.take(&[number(1)])[0].is_none());
        fresh.keep(number(1), row(&definition, BYTES_MAX));
        fresh.keep(number(2), row(&definition, 1));
        let taken = fresh.take(&[number(1), number(2)]);
        assert!(taken[0].is_none() && taken[1].is_some());
        assert_eq!(fresh.lock().bytes, 0);
    }
}
