//! The customers of the rounds: every card that the sandbox provider knows, contended seats, cancels.

use std::time::Duration;

use crate::load::Crowd;

pub(crate) const CROWD: Crowd = Crowd {
    clients: 24,
    tokens: &[
        ("tok_ok", 68),
        ("tok_declined", 7),
        ("tok_declined@capture", 2),
        ("tok_flaky", 6),
        ("tok_timeout_charged", 4),
        ("tok_timeout_uncharged", 4),
        ("tok_timeout_charged@authorize", 2),
        ("tok_timeout_uncharged@authorize", 2),
        ("tok_slow", 2),
        ("tok_slow@capture", 1),
        ("tok_refund_fails", 2),
    ],
    never,
    contended: 15,
    cancelled: 12,
    wait: 3,
    watch: Duration::from_secs(4),
    pause: (50, 300),
};

/// Tokens with which no booking can be paid.
const NEVER_PAID: [&str; 4] = [
    "tok_declined",
    "tok_declined@capture",
    "tok_timeout_uncharged",
    "tok_timeout_uncharged@authorize",
];

/// What the token decides, whatever happens meanwhile. Only where giving money back fails may a human be needed.
fn never(token: &str) -> Vec<&'static str> {
    let mut never = Vec::new();
    if token != "tok_refund_fails" {
        never.extend(["parked", "stuck"]);
    }
    if NEVER_PAID.contains(&token) {
        never.push("completed");
    }
    never
}
