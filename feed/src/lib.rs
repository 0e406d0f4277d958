//! The feed: facts that are committed, told to others on Kafka.
//!
//! Whoever has facts writes rows beside them in the same transaction, and is a [`Source`] of these rows. A [`Publisher`]
//! tells them to a topic, oldest first, and lets the source forget what Kafka has confirmed. So every fact is told at
//! least once, per key in order and without a gap, never before it is true; one that is told again has the same id and
//! the same bytes. Kafka's transactions are not used, and Kafka's absence costs nothing but age.
//!
//! Knows nobody: neither sagas nor pools. Their rows and their words are theirs.

mod error;
mod event;
mod measure;
mod producer;
mod publisher;
mod reader;
mod seal;
mod sequences;
mod source;
mod topic;

pub use error::Error;
pub use event::{Event, MAX_BYTES};
pub use measure::measure;
pub use publisher::{Publisher, Settings};
pub use reader::{From, Reader, Told};
pub use seal::{Key, Sealed};
pub use sequences::{Seen, Sequences};
pub use source::{Behind, Parcel, Source, SourceError};
pub use topic::{PREFIX, topic};
