//! The simulator, the test tables and the replay, through their public doors.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod capacity;
mod fixture;
mod learn;
mod outside;
mod profile;
mod replay;
mod report;
mod script;
mod speed;
mod tables;
