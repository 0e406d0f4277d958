//! Recorded sagas: what `GET /v1/sagas/{id}` tells about each, one JSON document after the other.
//!
//! From a saga's journal comes what its participants did: how every attempt was answered and how long that took
//! ([`Attempt`]), what came to steps that waited (`waits`), and what people ordered when ([`Ordered`]). The simulator learns from it, and a replay answers a
//! new definition with it. No definition is needed to read a recording: journals name steps by id.

mod attempts;
mod fact;
mod instant;
mod note;
mod recording;
mod waits;

pub(crate) use attempts::{Answer, Attempt, Ordered, OrderedWhat, Story};
pub(crate) use fact::Fact;
pub use recording::{Recording, RecordingError, recordings};
pub(crate) use waits::Came;
