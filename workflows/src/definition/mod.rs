//! From YAML text to a checked definition, with every problem found at once.

pub mod model;

pub use model::*;
