//! How many workers a start rate needs: by formula, then checked by a simulation in which sagas share workers.
//!
//! The formula is Erlang's for M/M/c: arrivals and durations that remember nothing ([`erlang`]). Real tasks come in
//! the pattern of their sagas and take what their profile says, so the formula is only where the search begins:
//! workers are added until the shared simulation ([`crowd`]) keeps the target too.

mod crowd;
mod erlang;
mod plan;
mod pool;
#[cfg(test)]
mod tests;

pub use plan::{CapacityPlan, Demand, PoolPlan, Waits, plan_capacity};
