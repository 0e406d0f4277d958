//! The simulator: many sagas of one definition, with assumed or learned participants, from a seed.
//!
//! It answers before anything is deployed how sagas end, how long they take, how often a hold lapses, what each
//! fault at each step leads to and who has to clean up, and how many workers a start rate needs. Come in by
//! [`simulate`] and [`plan_capacity`]; what is assumed is a [`Profile`]. `docs/simulation.md` is the page for users.
//!
//! Integers only, and a chance stream for each saga: the same seed gives the same report on every machine.

mod awaits;
mod capacity;
mod dice;
mod fixed;
mod hold;
mod latency;
mod learn;
mod learn_waits;
mod matrix;
mod profile;
mod profile_file;
mod profile_keys;
mod profile_text;
mod profile_words;
mod random;
mod run;
mod spread;
mod tally;
mod units;

pub use capacity::{CapacityPlan, Demand, PoolPlan, Waits, plan_capacity};
pub use hold::HoldReport;
pub use learn::Learned;
pub use matrix::MatrixRow;
pub use profile::Profile;
pub use run::{Error, Options, Report, SAGAS_MAX, simulate};
pub use spread::Spread;
pub use tally::{EndReport, ReasonReport};
pub use units::{NotOne, Rate, Share, Span};
