//! From the tree to the typed file: keys, shapes and values, each by itself.
//!
//! Every problem is noted and reading goes on, so that an author sees all of them at once. What steps mean to
//! each other is not looked at here (`check`).

mod invariants;
mod reader;
mod saga;
mod step;
mod values;

pub(crate) use reader::Reader;
pub(crate) use saga::saga;
