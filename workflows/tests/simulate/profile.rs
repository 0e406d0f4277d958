//! Profiles: what is written is read, what is no profile is refused with its place.

use impresario_workflows::simulate::Profile;

use crate::fixture::{BOOKING_PROFILE, profile, rendered, shipped};

#[test]
fn a_profile_written_is_the_profile_read() {
    let booking = shipped("booking");
    for assumed in [
        Profile::healthy(&booking),
        profile(&booking, BOOKING_PROFILE),
    ] {
        let text = assumed.to_yaml(&booking);
        assert_eq!(profile(&booking, &text).to_yaml(&booking), text);
    }
}

#[test]
fn what_is_no_profile_is_refused_with_its_place() {
    let booking = shipped("booking");
    let refused: Vec<String> = [
        "stpes: {}\n",
        "steps:\n  hold: { latency: soon }\n",
        "steps:\n  hold: { latency: { p50: 2s, p99: 1s } }\n",
        "steps:\n  hold: { latency: { mean: 2s, p99: 1s } }\n",
        "steps:\n  hold: { failed: 0.1 }\n",
        "steps:\n  hold: { unknown: { share: 1%, atced: 5% } }\n",
        "overhead: 1ms\noverhead: 2ms\n",
        "steps:\n  hodl: { failed: 1% }\n  capture: { pinned_by: captrue }\nslots: { payments: 3 }\n",
        "steps:\n  hold: { failed: 60%, rejected: { seats_taken: 50% } }\n",
        "steps: [hold]\n",
    ]
    .iter()
    .map(|text| {
        let problems = Profile::parse(&booking, "profile.yaml", text).unwrap_err();
        rendered(&problems, "profile.yaml", text)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n---\n\n"));
}
