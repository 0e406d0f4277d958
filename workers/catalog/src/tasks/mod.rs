//! The tasks of the pool, one file each, and the SQL they share.

mod hold_seats;
mod hold_steps;
mod release_seats;
pub(crate) mod rows;

pub(crate) use hold_seats::HoldSeats;
pub(crate) use hold_steps::{PinHold, SellSeats};
pub(crate) use release_seats::ReleaseSeats;
