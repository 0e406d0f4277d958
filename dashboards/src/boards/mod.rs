//! The boards, one a file: each answers one question of one kind of people.

mod business;
mod dependencies;
mod engine;
mod sagas;
mod workers;

use crate::panel::Board;

/// All of them, in the order of their links.
pub fn all() -> Vec<Board> {
    vec![
        sagas::board(),
        engine::board(),
        workers::board(),
        dependencies::board(),
        business::board(),
    ]
}
