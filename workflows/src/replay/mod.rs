//! Recorded sagas against a new definition: which would have ended the same, which otherwise and how, and about
//! which nothing can be said.
//!
//! The new definition runs in simulated time, and its participants answer as they did ([`world`]): the same answer
//! to the same attempt of the same step, after the same time. Where the new definition asks what was never asked,
//! the recording cannot tell, and the saga is not judged; nothing is made up, except that an undoing which was never
//! needed before is taken to succeed, and that is said.

mod compare;
mod life;
mod report;
mod world;

pub use compare::Difference;
pub use life::LifeEnd;
pub use report::{Group, ReplayReport, Replayed, Verdict, replay};
