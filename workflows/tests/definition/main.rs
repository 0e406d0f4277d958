//! Definition files, at the door that people use.

mod fixtures;
mod properties;
mod schema;
mod shipped;
