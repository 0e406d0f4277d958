//! The pool `echo`: steps that cost nothing, for the benchmark's trivial saga and as the smallest example.
//!
//! No database: what it answers follows from the input alone, so doing it twice is the same as once.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{Free, Pool, TaskContext, Verdict};

/// Answers `{id, step, code}`; a `fail: true` in the input of `confirm` is a business no.
struct Echo {
    step: &'static str,
}

#[async_trait]
impl Free for Echo {
    async fn run(&self, _task: &TaskContext, input: &Value) -> Verdict<Value> {
        if self.step == "confirm" && input["fail"] == Value::Bool(true) {
            return Verdict::rejected("asked_to_fail", "the input asked for a failure");
        }
        Verdict::Done(json!({ "id": input["id"], "step": self.step, "code": 200 }))
    }
}

/// Undoes nothing, successfully.
struct Nothing;

#[async_trait]
impl Free for Nothing {
    async fn run(&self, _task: &TaskContext, _input: &Value) -> Verdict<Value> {
        Verdict::Done(json!({}))
    }
}

/// The pool.
pub fn pool() -> Pool {
    Pool::free("echo")
        .free("reserve", Echo { step: "reserve" })
        .free("charge", Echo { step: "charge" })
        .free("confirm", Echo { step: "confirm" })
        .free_compensation("release", Nothing)
        .free_compensation("refund", Nothing)
        .build()
}
