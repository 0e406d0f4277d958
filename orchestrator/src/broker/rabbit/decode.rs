//! Reads the body of a result message.
//!
//! A body that cannot be read is told by queue and size, never by content: results carry customers' data. It
//! becomes an empty list of results, so that the engine acknowledges it; the timers of the attempts that it
//! meant to answer repeat the question. An output that is larger than it may be never gets into a journal: its effect has
//! happened, but what came of it is not to be had, so the answer is `unknown` and somebody looks.

use impresario_metrics::table::RESULTS_UNREADABLE;
use impresario_protocol::{
    OUTPUT_BYTES_MAX, Outcome, PROTOCOL_VERSION, Probe, Problem, ResultMessage, TaskResult,
};
use serde::Deserialize;

/// Just enough of any version's body to tell the version.
#[derive(Deserialize)]
struct Version {
    v: u64,
}

/// What came through a results queue.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// A worker's results; none when the body could not be read.
    Results(Vec<TaskResult>),
    /// A probe, of this or another instance.
    Probe(Probe),
}

/// Reads a body that came from this queue.
pub(super) fn decode(queue: &str, body: &[u8]) -> Body {
    match serde_json::from_slice::<ResultMessage>(body) {
        Ok(ResultMessage { v, results, probe }) if v == PROTOCOL_VERSION => match probe {
            Some(probe) => Body::Probe(probe),
            None => Body::Results(bounded(results, body.len())),
        },
        Ok(message) => unreadable(queue, body, "version", Some(u64::from(message.v))),
        Err(_) => match serde_json::from_slice::<Version>(body) {
            // A newer version need not have our shape.
            Ok(Version { v }) if v != u64::from(PROTOCOL_VERSION) => {
                unreadable(queue, body, "version", Some(v))
            }
            Ok(_) | Err(_) => unreadable(queue, body, "body", None),
        },
    }
}

/// The results of a body of so many bytes, with outputs that fit.
fn bounded(mut results: Vec<TaskResult>, bytes: usize) -> Vec<TaskResult> {
    if bytes <= OUTPUT_BYTES_MAX {
        return results;
    }
    for result in &mut results {
        let (Outcome::Succeeded { output } | Outcome::Applied { output }) = &result.outcome else {
            continue;
        };
        let size = output.to_string().len();
        if size > OUTPUT_BYTES_MAX {
            tracing::error!(saga_id = %result.saga, step = %result.step, size, "an output is too large");
            let message = format!("it happened, but its output has {size} bytes");
            result.outcome = Outcome::Unknown(Problem::new("output_too_large", message));
        }
    }
    results
}

fn unreadable(queue: &str, body: &[u8], reason: &'static str, version: Option<u64>) -> Body {
    RESULTS_UNREADABLE.with([reason]).increment(1);
    tracing::error!(%queue, bytes = body.len(), reason, ?version, "a result message cannot be read");
    Body::Results(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_our_version_are_read() {
        let body =
            br#"{"v":1,"results":[{"saga":"s","step":"a","operation":"forward","generation":1,
            "attempt":2,"outcome":"succeeded","output":{},"worker":"w"}]}"#;
        let Body::Results(results) = decode("q", body) else {
            panic!("no probe")
        };
        assert_eq!(results.len(), 1);
        assert_eq!((results[0].saga.as_str(), results[0].attempt), ("s", 2));
    }

    #[test]
    fn a_probe_is_told_from_results() {
        let body = br#"{"v":1,"results":[],"probe":{"by":"me","sent_at":7}}"#;
        let probe = Probe {
            by: "me".into(),
            sent_at: 7,
        };
        assert_eq!(decode("q", body), Body::Probe(probe));
    }

    #[test]
    fn h18_an_output_that_is_too_large_is_unknown_and_its_siblings_stay() {
        let result = |saga: &str, bytes: usize| {
            let (output, saga) = ("x".repeat(bytes), saga.to_owned());
            serde_json::json!({"saga": saga, "step": "a", "operation": "forward", "generation": 1,
                "attempt": 1, "outcome": "succeeded", "output": output, "worker": "w"})
        };
        // Two quotes belong to it.
        let results = [
            result("fits", OUTPUT_BYTES_MAX - 2),
            result("is one byte too large", OUTPUT_BYTES_MAX - 1),
        ];
        let body = serde_json::json!({"v": 1, "results": results}).to_string();
        let Body::Results(results) = decode("q", body.as_bytes()) else {
            panic!("no probe")
        };
        assert!(matches!(results[0].outcome, Outcome::Succeeded { .. }));
        let Outcome::Unknown(problem) = &results[1].outcome else {
            panic!("it was taken: {:?}", results[1].outcome.as_str())
        };
        assert_eq!(problem.code, "output_too_large");
    }

    #[test]
    fn everything_else_is_an_empty_list() {
        let others: [&[u8]; 5] = [
            b"",
            b"\xff\xfe",
            br#"{"v":2,"results":[]}"#,
            br#"{"v":9,"answers":{}}"#,
            br#"{"v":1,"results":[{"saga":1}]}"#,
        ];
        for body in others {
            assert_eq!(decode("q", body), Body::Results(Vec::new()));
        }
    }
}
