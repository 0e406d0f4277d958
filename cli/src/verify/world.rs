//! Everything that is judged: the rows of all files, and sagas with their journals.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use impresario_workflows::Definition;

use super::folder::Folder;
use super::history::History;
use super::rows::{
    BarrierRow, Body, BookingRow, CounterRow, DefinitionRow, DeliveryRow, EffectRow, EntryRow,
    FaultRow, HoldRow, JournalRow, KeyRow, OutboxRow, ProviderRow, QueueRow, RedeliveryRow,
    RepeatRow, RestoredRow, SagaRow, SeatRow, TicketRow, TransferRow,
};
use super::table::Table;

/// The whole world at rest.
pub(crate) struct World {
    /// The files that were there.
    pub(crate) present: BTreeSet<Table>,
    pub(crate) history: History,
    pub(crate) faults: Vec<FaultRow>,
    pub(crate) counters: Vec<CounterRow>,
    /// By hash; what a stored content is not, in words, when it is none.
    pub(crate) definitions: BTreeMap<String, Result<Definition, String>>,
    pub(crate) sagas: BTreeMap<String, Saga>,
    /// Journal rows of sagas that have no row.
    pub(crate) strays: BTreeSet<String>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) outbox: Vec<OutboxRow>,
    pub(crate) queues: Vec<QueueRow>,
    pub(crate) barriers: BTreeMap<String, BarrierRow>,
    pub(crate) effects: Vec<EffectRow>,
    pub(crate) redeliveries: Vec<RedeliveryRow>,
    pub(crate) repeats: Vec<RepeatRow>,
    pub(crate) seats: Vec<SeatRow>,
    pub(crate) holds: BTreeMap<String, HoldRow>,
    pub(crate) transfers: BTreeMap<String, TransferRow>,
    pub(crate) entries: Vec<EntryRow>,
    pub(crate) bookings: Vec<BookingRow>,
    pub(crate) tickets: Vec<TicketRow>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) provider: Vec<ProviderRow>,
    /// Effects that a restore had lost.
    pub(crate) restored: BTreeSet<String>,
}

/// A saga's row and its journal, in the order of its numbers.
pub(crate) struct Saga {
    pub(crate) row: SagaRow,
    pub(crate) journal: Vec<Entry>,
}

/// One journal row.
pub(crate) struct Entry {
    pub(crate) seq: i32,
    pub(crate) body: Body,
}

impl World {
    /// Reads a folder.
    pub(crate) fn read(path: &Path) -> anyhow::Result<World> {
        let mut folder = Folder::open(path)?;
        let definitions: Vec<DefinitionRow> = folder.rows(Table::Definition)?;
        let rows: Vec<SagaRow> = folder.rows(Table::Saga)?;
        let journal: Vec<JournalRow> = folder.rows(Table::Journal)?;
        let (sagas, strays) = with_journals(rows, journal);
        let barriers: Vec<BarrierRow> = folder.rows(Table::Barrier)?;
        let holds: Vec<HoldRow> = folder.rows(Table::Hold)?;
        let transfers: Vec<TransferRow> = folder.rows(Table::Transfer)?;
        let mut effects: Vec<EffectRow> = folder.rows(Table::Effect)?;
        effects.sort_by_key(|row| row.id);
        Ok(World {
            history: History::of(folder.rows(Table::Ops)?),
            faults: folder.rows(Table::Faults)?,
            counters: folder.rows(Table::Counters)?,
            definitions: definitions.into_iter().map(parsed).collect(),
            sagas,
            strays,
            keys: folder.rows(Table::SagaKey)?,
            outbox: folder.rows(Table::Outbox)?,
            queues: folder.rows(Table::Queue)?,
            barriers: by(barriers, |row| row.effect.clone()),
            effects,
            redeliveries: folder.rows(Table::Redelivery)?,
            repeats: folder.rows(Table::Repeat)?,
            seats: folder.rows(Table::Seat)?,
            holds: by(holds, |row| row.hold_id.clone()),
            transfers: by(transfers, |row| row.transfer_id.clone()),
            entries: folder.rows(Table::Entry)?,
            bookings: folder.rows(Table::Booking)?,
            tickets: folder.rows(Table::Ticket)?,
            deliveries: folder.rows(Table::Delivery)?,
            provider: folder.rows(Table::Provider)?,
            restored: folder
                .rows(Table::Restored)?
                .into_iter()
                .map(|row: RestoredRow| row.effect)
                .collect(),
            present: folder.present,
        })
    }
}

fn by<T>(rows: Vec<T>, key: impl Fn(&T) -> String) -> BTreeMap<String, T> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn parsed(row: DefinitionRow) -> (String, Result<Definition, String>) {
    let read = Definition::from_canonical(&row.canonical).map_err(|error| error.to_string());
    (row.hash, read)
}

fn with_journals(
    rows: Vec<SagaRow>,
    journal: Vec<JournalRow>,
) -> (BTreeMap<String, Saga>, BTreeSet<String>) {
    let mut sagas: BTreeMap<String, Saga> = rows
        .into_iter()
        .map(|row| {
            let journal = Vec::new();
            (row.id.clone(), Saga { row, journal })
        })
        .collect();
    let mut strays = BTreeSet::new();
    for JournalRow { saga_id, seq, body } in journal {
        match sagas.get_mut(&saga_id) {
            Some(saga) => saga.journal.push(Entry { seq, body }),
            None => drop(strays.insert(saga_id)),
        }
    }
    for saga in sagas.values_mut() {
        saga.journal.sort_by_key(|entry| entry.seq);
    }
    (sagas, strays)
}
