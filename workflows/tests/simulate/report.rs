//! What a simulation reports, and that the same seed reports the same.

use impresario_workflows::simulate::{Options, Profile, simulate};

use crate::fixture::shipped;

const OPTIONS: Options = Options {
    seed: 42,
    sagas: 5_000,
    matrix_sagas: 20,
};

#[test]
fn the_same_seed_gives_the_same_report_on_every_machine() {
    let booking = shipped("booking");
    let profile = Profile::healthy(&booking);
    let report = simulate(&booking, &profile, OPTIONS).unwrap();
    assert_eq!(report, simulate(&booking, &profile, OPTIONS).unwrap());
    eprintln!("{}", serde_json::to_string_pretty(&report).unwrap());
}
