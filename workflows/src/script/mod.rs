//! Test tables: scripted outcomes of steps, and the end that they must lead to.
//!
//! A table (`booking.test.yaml`) is to a definition what unit tests are to code: its author writes down what must
//! happen when the card is declined, when the bank does not answer, when somebody cancels in the wrong moment. The
//! heart runs each case as production would ([`crate::rehearse`]); nothing is random and no time passes.
//! `docs/simulation.md` describes the file for its writers.

mod enumerate;
mod file;
mod judge;
mod run;
mod table;
mod words;

pub use enumerate::enumerate;
pub use judge::{CaseResult, Mismatch};
pub use run::{Found, Moment};
pub use table::{Table, definition_named};
