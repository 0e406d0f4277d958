//! A lane: the loop that drives sagas.
//!
//! ```text
//! drain inputs -> load the sagas not cached -> decide -> commit all in one round trip -> release effects
//! ```
//!
//! One lane per process. Inputs are decided as they arrive into the next batch while the last one is being
//! committed; when that returns, the next is submitted first and then the effects of the last are released.
//! No lingering: a batch is what arrived while the last one committed.
//!
//! Four rules keep it right, whoever else drives the same sagas: a saga with a commit in flight decides
//! nothing more until that is answered; a decision that writes nothing is made again on the stored head before
//! it is believed; nothing is acknowledged, answered or refused before the commit that it rests on; an unclear
//! answer of the database empties the cache.

mod batch;
mod committer;
mod decide;
mod intake;
mod landed;
mod message;
mod release;
mod run;
mod served;
mod settle;
mod slot;
mod told;
pub(crate) mod translate;

pub use message::{
    CommandAnswer, CommandError, CommandOrder, Message, StartError, StartOrder, Started,
};
pub use release::Releaser;
pub use run::{Lane, Parts};

/// Journal rows in one commit at most: past this a commit takes longer than it saves.
pub const BATCH_ROWS_MAX: usize = 512;

/// Messages waiting for the lane at most; a full channel holds the callers and the consumers back.
pub const INBOX_MAX: usize = 4096;

/// Sagas kept in memory at most; past it, those that nothing is going on with are forgotten (their journal
/// knows everything).
pub const SLOTS_MAX: usize = 100_000;
