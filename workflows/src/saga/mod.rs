//! The heart: what a saga is in, what may happen to it, what follows.
//!
//! ```text
//! decide(&Definition, &State, &Input, Moment) -> Decision { events, commands, next, meaning }  or  Refusal
//! evolve(&Definition, &mut State, &Event)                        replay is this and nothing else
//! ```
//!
//! Everything that can happen is one [`Input`]; everything asked of the world is one [`Command`]; everything
//! that became true is one [`Event`]. `decide` is total: late, repeated and reordered news is normal, never a
//! panic, and the decision says what the news meant. The engine commits a decision, then acts on it.

mod command;
mod customer;
mod decide;
mod describe;
mod event;
mod evolve;
mod explain;
mod found;
mod input;
mod migration;
#[cfg(feature = "seeded-defects")]
mod planted;
mod position;
mod standing;
mod state;

pub use command::{Command, Dispatch, Report};
pub use customer::{CustomerView, customer_view};
#[cfg(not(feature = "seeded-defects"))]
pub use decide::decide;
pub use decide::{Decision, Ignored, Meaning, Moment, Refusal};
pub use describe::Described;
pub use event::{Event, Known};
pub use evolve::{Unfoldable, evolve};
pub use explain::explain;
pub use found::{Left, Lost, Trace};
pub use input::{Input, Message, Migration, Outcome, Served, Stamp, Start, StepResult, Verdict};
pub use migration::moved;
pub use position::position;
pub(crate) use position::stands;
pub use state::{
    Cause, Fan, Forward, Operation, Parent, Phase, Problem, Signal, State, Status, StepState,
    Undoing, UnitIndex, Wait, Work,
};
#[cfg(feature = "seeded-defects")]
pub use {decide::decide as decide_well, planted::decide};
