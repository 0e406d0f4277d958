//! The simulator, the test tables and the replay: the pure parts, through their public doors.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod fixture;
mod report;
mod speed;
