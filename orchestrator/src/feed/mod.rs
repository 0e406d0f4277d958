//! The journal as others see it: one event for each journal row, with its facts.
//!
//! A journal holds what customers typed, so nothing of it is told as it is. What a fact is about (which step, which
//! attempt, which code) is told in the open; every value, word and name is in the sealed part, or left out when there is
//! no key to seal with.
//!
//! Not here: where rows come from and where events go (`feeding`).

mod fact;
mod moved;

pub(crate) use moved::{Decided, tell};
pub use moved::{KIND, Row, Untellable, event, schema};
