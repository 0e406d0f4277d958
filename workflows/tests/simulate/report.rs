//! What a simulation reports, and that the same seed reports the same.

use impresario_workflows::simulate::{Error, Options, Profile, Report, simulate};

use crate::fixture::{BOOKING_PROFILE, parsed, profile, shipped};

const OPTIONS: Options = Options {
    seed: 42,
    sagas: 20_000,
    matrix_sagas: 3,
};

/// Of every saga's end and time, in order. If this changes, sagas are simulated otherwise than before; if it differs
/// between two machines, something in a simulation depends on the machine.
const DIGEST: &str = "4d7dd4a50d3f8a62c2fae384a6e444fb94dfe5022ae17829e845a77cd7ef9ede";

fn booking() -> Report {
    let booking = shipped("booking");
    simulate(&booking, &profile(&booking, BOOKING_PROFILE), OPTIONS).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_report_on_every_machine() {
    let report = booking();
    assert_eq!(report.digest, DIGEST);
    assert_eq!(report, booking());
    let other = Options {
        seed: 43,
        ..OPTIONS
    };
    let definition = shipped("booking");
    let other = simulate(&definition, &profile(&definition, BOOKING_PROFILE), other).unwrap();
    assert_ne!(report.digest, other.digest);
}

#[test]
fn shares_are_those_of_the_profile() {
    let report = booking();
    let share = |code: &str| {
        let found = report.reasons.iter().find(|reason| reason.code == code);
        found.map_or(0, |reason| reason.share.ppm())
    };
    // Three in a hundred, and one and a half in a hundred of the others; four standard deviations.
    assert!(
        (25_200..34_900).contains(&share("seats_taken")),
        "{report:?}"
    );
    assert!(
        (11_000..18_100).contains(&share("card_declined")),
        "{report:?}"
    );
    let all: u64 = report.ends.iter().map(|end| end.sagas).sum();
    assert_eq!(all, OPTIONS.sagas);
}

#[test]
fn each_fault_leads_where_the_definition_says() {
    let rows: Vec<String> = booking()
        .matrix
        .iter()
        .map(|row| {
            let ends = [
                ("completed", row.completed),
                ("compensated", row.compensated),
                ("stuck", row.stuck),
                ("endless", row.endless),
            ];
            let ends: Vec<String> = ends
                .iter()
                .filter(|(_, share)| share.ppm() > 0)
                .map(|(end, share)| format!("{end} {share}"))
                .collect();
            format!("{}: {} -> {}", row.step, row.fault, ends.join(", "))
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_hold_lapses_when_it_is_pinned_too_late() {
    let definition = parsed(
        "slow",
        "saga: slow
version: 1
steps:
  hold:
    task: seats/hold
    effect: seat
    expires: 10s
    compensate: { task: seats/release }
  check: { task: risk/check, needs: [hold], readonly: true, timeout: 1m }
  pin: { task: seats/pin, needs: [check], compensate: none, reason: released with the hold }
  pay: { task: bank/pay, needs: [pin], pivot: true, retry: { max_attempts: unlimited } }
",
    );
    // Half of the checks take up to a second, the other half up to twenty: one in four is longer than the hold.
    let assumed = "
defaults: { latency: 1ms, failed: 0%, unknown: 0%, lost: 0%, broken: 0% }
steps:
  hold: { pinned_by: pin, lapsed: hold_lost }
  check: { latency: { min: 0ms, p50: 1s, max: 20s } }
";
    let report = simulate(&definition, &profile(&definition, assumed), OPTIONS).unwrap();
    let [hold] = &report.holds[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (hold.step.as_str(), hold.pinned_by.as_deref()),
        ("hold", Some("pin"))
    );
    // (20 - 10) / (20 - 1) of the slower half.
    assert!(
        (253_000..273_000).contains(&hold.lapsed_share.ppm()),
        "{hold:?}"
    );
    let [lost] = &report.reasons[..] else {
        panic!("{report:?}")
    };
    assert_eq!((lost.code.as_str(), lost.sagas), ("hold_lost", hold.lapsed));
    assert!(hold.age.max.micros() <= 10_002_000, "{hold:?}");
}

#[test]
fn placeholders_that_no_condition_can_read_are_refused() {
    let definition = parsed(
        "vip",
        "saga: vip
version: 1
input: { type: object, required: [vip], properties: { vip: { type: string } } }
steps:
  look: { task: desk/look, readonly: true, when: input.vip }
",
    );
    let error = simulate(&definition, &Profile::healthy(&definition), OPTIONS).unwrap_err();
    let Error::Placeholders { code, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(code, "unmappable");
    let said = profile(&definition, "input: { vip: '' }");
    assert!(simulate(&definition, &said, OPTIONS).is_err());
}
