//! The tasks of the pool, one file each, and the SQL they share.

mod close_event;
mod free_seats;
mod hold_seats;
mod hold_steps;
mod release_seats;
pub(crate) mod rows;
mod sold_holds;
mod waitlist;

pub(crate) use close_event::{CancelEvent, CloseEvent, ReopenEvent};
pub(crate) use free_seats::FreeSeats;
pub(crate) use hold_seats::HoldSeats;
pub(crate) use hold_steps::{PinHold, SellSeats};
pub(crate) use release_seats::ReleaseSeats;
pub(crate) use sold_holds::SoldHolds;
pub(crate) use waitlist::{CloseEntry, ReturnEntry, TakeFirst};
