//! The load generator. Written next; see `cargo xtask bench`.
fn main() {}
