//! One saga, rehearsed: the production `decide` against participants that are made up, in simulated time.
//!
//! The simulator, the test tables and the replay of recorded sagas are three [`World`]s over this one loop. A
//! world says how each task fares ([`Fate`]); the participants keep what really happened behind a barrier like
//! the real ones ([`Participants`]), so an answer is never at odds with what was done before. What comes from outside
//! is [`Outside`]'s. Nothing here draws chances, reads files or adds up results.
//!
//! Everything is an integer: the same world gives the same rehearsal on every machine.

mod children;
mod example;
mod fate;
mod fault;
mod mail;
mod outside;
mod participants;
mod plan;
mod reason;
mod seat;
mod stage;
mod task;

pub(crate) use children::Children;
pub(crate) use example::{example_input, example_outputs};
pub(crate) use fate::{Fate, Says, problem};
pub(crate) use fault::{PlacedFault, TAKES};
pub(crate) use mail::{Letter, Mail};
pub(crate) use outside::{Comes, Coming, Outside, latest};
pub(crate) use participants::Participants;
pub(crate) use plan::{Order, Part, Plan, Prompter, Times, Turn, What, When};
pub(crate) use reason::{Reason, step_of_unit};
pub(crate) use seat::{Followed, Seat, start};
pub(crate) use stage::{End, Ended, Limits, Stage, World};
pub(crate) use task::Task;

/// Simulated time: microseconds, so that a task of less than a millisecond is not nothing. The heart counts in
/// milliseconds and is told them rounded down.
pub(crate) type Micros = u64;

/// Microseconds in one of the heart's milliseconds.
pub(crate) const MILLI: Micros = 1_000;

/// When every rehearsal begins (2027-01-15, a Friday): an instant like those of real sagas.
pub(crate) const BEGINNING: Micros = 1_800_000_000_000 * MILLI;
