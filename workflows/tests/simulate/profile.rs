//! Profiles: what is written is read, what is no profile is refused with its place.

use impresario_workflows::simulate::Profile;

use crate::fixture::{BOOKING_PROFILE, parsed, profile, rendered, shipped};

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

/// A task, another saga, a signal, a decision and a sleep.
pub(crate) const KINDS: &str = "saga: kinds
version: 1
steps:
  order: { task: shop/order, compensate: { task: shop/cancel }, retry: { unless: [sold_out] } }
  paid: { needs: [order], wait: { signal: paid, match: signal.order == steps.order.output.id, timeout: 1h } }
  approve: { needs: [paid], approve: { roles: [boss], timeout: 2d } }
  parcel: { needs: [approve], saga: parcel, input: { order: \"${{ steps.order.output.id }}\" }, timeout: 10m }
  rest: { needs: [parcel], sleep: 1m }
";

#[test]
fn a_profile_of_all_kinds_is_written_and_read() {
    let kinds = parsed("kinds", KINDS);
    let text = Profile::healthy(&kinds).to_yaml(&kinds);
    insta::assert_snapshot!(text);
    assert_eq!(profile(&kinds, &text).to_yaml(&kinds), text);
}

#[test]
fn a_key_that_says_nothing_about_a_kind_is_refused() {
    let kinds = parsed("kinds", KINDS);
    let text = "steps:
  order: { comes: 10% }
  paid: { failed: 1%, pinned_by: order }
  approve: { approved: 80%, denied: 30% }
  parcel: { unknown: 1% }
  rest: { latency: 1s }
";
    let problems = Profile::parse(&kinds, "profile.yaml", text).unwrap_err();
    insta::assert_snapshot!(rendered(&problems, "profile.yaml", text));
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
