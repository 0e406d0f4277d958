//! How worlds are looked through: all of them, breadth first, so that the first thing that breaks is the shortest
//! way to break it; beyond a bound by random walks, which prove nothing and say so.

mod breadth;
mod ending;
mod faults;
mod graph;
mod retrace;
mod walks;

pub(super) use breadth::{Found, breadth_first};
pub(super) use ending::{Aim, falls_short};
pub(super) use faults::fewest_faults;
pub(super) use graph::{Graph, WorldId};
pub(super) use retrace::{Goal, retraced};
pub(super) use walks::random_walks;
