//! Signals, people's decisions, child sagas and items: they come by themselves, as the profile says.

use impresario_workflows::simulate::{Demand, Options, Profile, Report, plan_capacity, simulate};

use crate::fixture::{parsed, profile, shipped};
use crate::profile::KINDS;

const OPTIONS: Options = Options {
    seed: 42,
    sagas: 4_000,
    matrix_sagas: 2,
};

/// Nothing goes wrong but what a test adds.
const QUIET: &str = "overhead: 0ms
defaults: { latency: 1ms, failed: 0%, unknown: 0%, lost: 0%, broken: 0% }
steps:
  order: { rejected: {}, output: { id: o-1 } }
";

fn kinds(more: &str) -> Report {
    let kinds = parsed("kinds", KINDS);
    let profile = profile(&kinds, &format!("{QUIET}{more}"));
    simulate(&kinds, &profile, OPTIONS).unwrap()
}

/// Parts in a million of all sagas that did not complete for this reason.
fn because(report: &Report, step: &str, code: &str) -> u32 {
    let is = |step_of: &Option<String>| step_of.as_deref() == Some(step);
    let mut reasons = report.reasons.iter();
    let found = reasons.find(|reason| reason.code == code && is(&reason.step));
    found.map_or(0, |reason| reason.share.ppm())
}

#[test]
fn signals_decisions_and_children_come_as_often_as_the_profile_says() {
    let report = kinds(
        "  paid: { comes: 80%, early: 25%, latency: { min: 0ms, p50: 20m, max: 50m } }
  approve: { approved: 70%, denied: 20%, latency: { min: 1h, max: 20h } }
  parcel: { latency: 30s, rejected: { lost_in_the_post: 10% }, stuck: 0% }
",
    );
    // Of all; then of those that were paid; then of those that were approved. Four standard deviations.
    assert!((174_000..226_000).contains(&because(&report, "paid", "signal_timeout")));
    assert!((137_000..183_000).contains(&because(&report, "approve", "denied")));
    assert!((62_000..98_000).contains(&because(&report, "approve", "approval_timeout")));
    assert!((41_000..71_000).contains(&because(&report, "parcel", "lost_in_the_post")));
    let completed = &report.ends[0];
    assert_eq!(completed.end, "completed");
    // At most fifty minutes, twenty hours, half a minute and the sleep.
    let hours = completed.latency.max.micros() / 3_600_000_000;
    assert!((18..=20).contains(&hours), "{report:?}");
    let again = kinds(
        "  paid: { comes: 80%, early: 25%, latency: { min: 0ms, p50: 20m, max: 50m } }
  approve: { approved: 70%, denied: 20%, latency: { min: 1h, max: 20h } }
  parcel: { latency: 30s, rejected: { lost_in_the_post: 10% }, stuck: 0% }
",
    );
    assert_eq!(report, again, "the same seed, the same report");
}

#[test]
fn a_signal_that_is_early_is_kept_and_one_that_is_late_finds_nobody() {
    let rest = "  approve: { approved: 100%, denied: 0%, latency: 1s }
  parcel: { latency: 1s, rejected: {}, stuck: 0% }
";
    let early = kinds(&format!(
        "  paid: {{ comes: 100%, early: 100%, latency: 3h }}\n{rest}"
    ));
    assert_eq!(early.ends.len(), 1, "{early:?}");
    assert_eq!(early.ends[0].end, "completed");
    // Nobody has waited for it: a second for each of the others, the minute, and the task.
    assert!(early.ends[0].latency.max.micros() < 63_000_000, "{early:?}");
    let late = kinds(&format!(
        "  paid: {{ comes: 100%, early: 0%, latency: 61m }}\n{rest}"
    ));
    assert_eq!(because(&late, "paid", "signal_timeout"), 1_000_000);
}

#[test]
fn a_child_before_a_human_keeps_its_parent_and_a_long_one_is_not_begun_twice() {
    let rest = "  paid: { comes: 100%, early: 0%, latency: 1s }
  approve: { approved: 100%, denied: 0%, latency: 1s }
";
    let stuck = kinds(&format!(
        "{rest}  parcel: {{ latency: 1s, rejected: {{}}, stuck: 100% }}\n"
    ));
    assert!(
        stuck.ends.iter().all(|end| end.end != "completed"),
        "{stuck:?}"
    );
    // The parent waits ten minutes for it, asks again, and hears that it is still at it.
    let long = kinds(&format!(
        "{rest}  parcel: {{ latency: 25m, rejected: {{}}, stuck: 0% }}\n"
    ));
    assert_eq!(long.ends[0].end, "completed");
    assert_eq!(long.ends[0].sagas, OPTIONS.sagas, "{long:?}");
}

#[test]
fn the_matrix_has_the_faults_of_each_kind() {
    let rows: Vec<String> = kinds("")
        .matrix
        .iter()
        .map(|row| {
            let ends = [
                ("completed", row.completed),
                ("compensated", row.compensated),
                ("stuck", row.stuck),
                ("endless", row.endless),
            ];
            let ends: Vec<&str> = ends
                .iter()
                .filter(|(_, share)| share.ppm() > 0)
                .map(|(end, _)| *end)
                .collect();
            format!("{}: {} -> {}", row.step, row.fault, ends.join(", "))
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_plan_is_made_of_the_pools_that_have_workers() {
    let kinds = parsed("kinds", KINDS);
    let more = "  paid: { comes: 100%, early: 0%, latency: 1s }
  approve: { approved: 100%, denied: 0%, latency: 1s }
  parcel: { latency: 1s, rejected: {}, stuck: 0% }
";
    let text = format!("{QUIET}{more}");
    let demand = Demand {
        rate: "50/s".parse().unwrap(),
        peak: 3,
        target_wait: "100ms".parse().unwrap(),
        target_share: "95%".parse().unwrap(),
        seed: 7,
        sagas: 1_000,
    };
    let plan = plan_capacity(&kinds, &profile(&kinds, &text), demand).unwrap();
    let pools: Vec<&str> = plan.pools.iter().map(|pool| pool.pool.as_str()).collect();
    // The engine runs the children: nobody plans workers for them.
    assert_eq!(pools, ["shop"]);
    assert!(plan.pools[0].kept, "{plan:?}");
}

#[test]
fn every_item_has_a_fate_of_its_own() {
    let group = shipped("group-booking");
    let text = include_str!("../../sagas/group-booking.profile.yaml");
    let report = simulate(&group, &profile(&group, text), OPTIONS).unwrap();
    // Three parts on average, each taken in three of a hundred: about one group in eleven.
    let taken = because(&report, "hold", "seats_taken");
    assert!((60_000..115_000).contains(&taken), "{report:?}");
    let [hold] = &report.holds[..] else {
        panic!("{report:?}")
    };
    assert!(hold.held > OPTIONS.sagas / 2, "{hold:?}");
}

#[test]
fn every_shipped_profile_completes() {
    for (name, text) in [
        ("booking", crate::fixture::BOOKING_PROFILE),
        (
            "booking-by-transfer",
            include_str!("../../sagas/booking-by-transfer.profile.yaml"),
        ),
        (
            "event-cancellation",
            include_str!("../../sagas/event-cancellation.profile.yaml"),
        ),
        (
            "group-booking",
            include_str!("../../sagas/group-booking.profile.yaml"),
        ),
        ("refund", include_str!("../../sagas/refund.profile.yaml")),
        (
            "waitlist-promotion",
            include_str!("../../sagas/waitlist-promotion.profile.yaml"),
        ),
    ] {
        let definition = shipped(name);
        let options = Options {
            sagas: 200,
            matrix_sagas: 0,
            ..OPTIONS
        };
        let report = simulate(&definition, &profile(&definition, text), options).unwrap();
        let completed = report.ends.iter().find(|end| end.end == "completed");
        assert!(
            completed.is_some_and(|end| end.sagas > 80),
            "{name}: {report:?}"
        );
    }
    let trivial = shipped("trivial");
    assert!(simulate(&trivial, &Profile::healthy(&trivial), OPTIONS).is_ok());
}
