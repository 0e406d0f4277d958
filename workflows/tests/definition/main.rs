//! Definition files, at the door that people use.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod fixtures;
mod properties;
mod schema;
mod shipped;
