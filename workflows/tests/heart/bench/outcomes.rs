//! Answers, in short.

use impresario_workflows::saga::{Outcome, Problem};
use serde_json::{Value, json};

/// A step's output with everything that the test definitions read.
pub(crate) fn output() -> Value {
    json!({
        "hold_id": "h-1",
        "price": { "amount": 8400, "currency": "EUR" },
        "seats": ["A1", "A2"],
        "authorization_id": "a-1",
        "charge_id": "c-1",
        "booking_ref": "B-1",
        "tickets": [{ "seat": "A1", "code": "T1" }, { "seat": "A2", "code": "T2" }],
    })
}

pub(crate) fn problem(code: &str) -> Problem {
    Problem::new(code, format!("it is {code}"))
}

pub(crate) fn succeeded() -> Outcome {
    Outcome::Succeeded(output())
}

pub(crate) fn applied() -> Outcome {
    Outcome::Applied(output())
}

pub(crate) fn rejected(code: &str) -> Outcome {
    Outcome::Rejected(problem(code))
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed(problem("broken"))
}

pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown(problem("no_idea"))
}

pub(crate) fn closed() -> Outcome {
    Outcome::Closed(problem("not_found"))
}

pub(crate) fn still_open() -> Outcome {
    Outcome::StillOpen(problem("in_progress"))
}
