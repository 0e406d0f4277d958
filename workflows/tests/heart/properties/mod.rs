//! Laws over random lives: random definitions, random participants, random luck.

mod clock;
mod definitions;
mod lives;
mod moves;

use proptest::test_runner::Config;

/// So many random lives for each law. More of them in one run: set `PROPTEST_CASES`.
fn cases(count: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    Config {
        cases: cases.unwrap_or(count),
        failure_persistence: None,
        ..Config::default()
    }
}
