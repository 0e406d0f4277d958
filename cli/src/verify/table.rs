//! The files of a folder that is judged, by name. What each line holds is in `rows`, in words in `docs/verify.md`.
//!
//! Not every platform has every part: a file that is missing is a part that was not looked at, and the verdict says
//! which rules were not judged for it. An empty file says that there was nothing.

/// A file of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// What clients did and were told.
    Ops,
    /// What was done to the platform meanwhile.
    Faults,
    /// What its processes counted.
    Counters,
    Definition,
    Saga,
    Journal,
    SagaKey,
    Outbox,
    /// Depths of the broker's queues.
    Queue,
    /// What the participants remember of each effect.
    Barrier,
    /// Every change of a barrier row: the participants' effect log.
    Effect,
    /// Every start of a task that was delivered again.
    Redelivery,
    /// Every repetition of an outbox row.
    Repeat,
    Seat,
    Hold,
    Transfer,
    Entry,
    Booking,
    Ticket,
    Delivery,
    /// The payment provider's own log.
    Provider,
    /// Effects that a restore had lost and that were found in that log again.
    Restored,
}

impl Table {
    /// The file's name.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Table::Ops => "ops.ndjson",
            Table::Faults => "faults.ndjson",
            Table::Counters => "counters.ndjson",
            Table::Definition => "definition.ndjson",
            Table::Saga => "saga.ndjson",
            Table::Journal => "journal.ndjson",
            Table::SagaKey => "saga_key.ndjson",
            Table::Outbox => "outbox.ndjson",
            Table::Queue => "queue.ndjson",
            Table::Barrier => "barrier.ndjson",
            Table::Effect => "effect.ndjson",
            Table::Redelivery => "redelivery.ndjson",
            Table::Repeat => "repeat.ndjson",
            Table::Seat => "seat.ndjson",
            Table::Hold => "hold.ndjson",
            Table::Transfer => "transfer.ndjson",
            Table::Entry => "entry.ndjson",
            Table::Booking => "booking.ndjson",
            Table::Ticket => "ticket.ndjson",
            Table::Delivery => "delivery.ndjson",
            Table::Provider => "provider.ndjson",
            Table::Restored => "restored.ndjson",
        }
    }
}
