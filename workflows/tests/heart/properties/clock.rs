//! H14: clocks that differ, jump and run backwards. Time is an argument of every decision, so a saga that is driven by
//! several machines sees it jump; only how long things take may depend on that, never what becomes of them.

use proptest::prelude::*;
use serde_json::json;

use super::cases;
use super::definitions::any_definition;
use super::lives::ends_well;
use super::moves::{Life, honest};
use crate::bench::{Bench, MINUTE};

/// An hour and a half to both sides: more than a change to summer time.
const JUMP: i64 = 90 * MINUTE as i64;

proptest! {
    #![proptest_config(cases(256))]

    /// Every decision keeps the laws (the bench judges each), every saga ends, and every effect is wanted or undone.
    #[test]
    fn h14_a_clock_that_jumps_changes_how_long_it_takes_and_nothing_else(
        written in any_definition(),
        go in any::<bool>(),
        moves in prop::collection::vec((honest(), prop_oneof![4 => Just(0), 1 => -JUMP..JUMP]), 0..60),
    ) {
        let mut life = Life::begun(Bench::started_with(written.definition(), json!({ "go": go })));
        for (next, jump) in &moves {
            life.saga.now = life.saga.now.saturating_add_signed(*jump);
            life.happens(next);
        }
        ends_well(life, &[]);
    }
}
