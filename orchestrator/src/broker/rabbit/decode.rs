//! Reads the body of a result message.
//!
//! A body that cannot be read is told by queue and size, never by content: results carry customers' data. It
//! becomes an empty list of results, so that the engine acknowledges it; the timers of the attempts that it
//! meant to answer repeat the question.

use impresario_protocol::{PROTOCOL_VERSION, Probe, ResultMessage, TaskResult};
use serde::Deserialize;

/// Result messages that could not be read, by `reason` (`version`, `body`).
const UNREADABLE_TOTAL: &str = "impresario_results_unreadable_total";

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
            None => Body::Results(results),
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

fn unreadable(queue: &str, body: &[u8], reason: &'static str, version: Option<u64>) -> Body {
    metrics::counter!(UNREADABLE_TOTAL, "reason" => reason).increment(1);
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
