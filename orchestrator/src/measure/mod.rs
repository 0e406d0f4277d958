//! What the engine says of itself in numbers. The names are in the table of `impresario-metrics`; here is when they move.
//!
//! Three ways: what a decision means ([`observe`]) is counted once its commit has won ([`meters`]), what is merely so is
//! read at each scrape ([`standing`]), and what only the database knows is sampled by one replica at a slow beat
//! ([`sampler`]). Nothing of it is part of a decision.

mod meters;
mod observe;
mod sampler;
mod standing;

pub(crate) use meters::Meters;
pub(crate) use observe::{Sample, observe};
pub(crate) use sampler::Sampler;
pub(crate) use standing::{Standing, Watched};
