//! Tasks on their way to their queue. Whoever publishes them (the replica that committed them, or another one that
//! finds them in the outbox) has their bytes only, and those say where each belongs: a task begins with its saga and
//! ends with its `traceparent`.

use impresario_traces::{Context, Kind, Span, now};

use super::service;
use crate::broker::{PublishError, TaskList};

const BEFORE_SAGA: &[u8] = br#"{"saga":""#;
const SAGA: usize = 36;
const BEFORE_TRACE: &[u8] = br#","traceparent":""#;
const TRACE: usize = 55;
const AFTER_TRACE: &[u8] = br#""}"#;

/// The tasks of lists that are being published, as far as they are traced.
pub(crate) struct Sending {
    since: u64,
    /// By the place of their list.
    tasks: Vec<(usize, Context, String)>,
}

impl Sending {
    /// What is about to be published; nothing is looked at while traces are off.
    pub(crate) fn begin(lists: &[TaskList]) -> Option<Sending> {
        if !impresario_traces::is_on() {
            return None;
        }
        let mut tasks = Vec::new();
        for (place, list) in lists.iter().enumerate() {
            for task in &list.tasks {
                tasks.extend(read(task).map(|(context, saga)| (place, context, saga)));
            }
        }
        let since = now();
        (!tasks.is_empty()).then_some(Sending { since, tasks })
    }

    /// What became of each list.
    pub(crate) fn tell(self, pools: &[String], outcomes: &[Result<(), PublishError>]) {
        for (place, attempt, saga) in self.tasks {
            let (Some(pool), Some(outcome)) = (pools.get(place), outcomes.get(place)) else {
                continue;
            };
            let span = Span::new(
                service(),
                format!("send {pool}"),
                Kind::Producer,
                attempt.part("send"),
                Some(attempt.span),
                self.since,
            )
            .with("saga.id", saga)
            .with("messaging.system", "rabbitmq")
            .with("messaging.operation.name", "send")
            .with("messaging.destination.name", pool.clone());
            impresario_traces::emit(match outcome {
                Ok(()) => span,
                Err(PublishError::Unroutable { .. }) => span.failed("unroutable"),
                Err(PublishError::Refused { .. }) => span.failed("refused"),
                Err(PublishError::Unconfirmed { .. }) => span.failed("unconfirmed"),
            });
        }
    }
}

/// The attempt and the saga of an encoded task that is traced.
fn read(task: &[u8]) -> Option<(Context, String)> {
    let rest = task.strip_suffix(AFTER_TRACE)?;
    let (rest, trace) = rest.split_at_checked(rest.len().checked_sub(TRACE)?)?;
    // Inside the input the quotes would be escaped, or more braces would follow: this is the last field.
    rest.strip_suffix(BEFORE_TRACE)?;
    let context = Context::sampled(std::str::from_utf8(trace).ok()?)?;
    let saga = task.strip_prefix(BEFORE_SAGA)?.get(..SAGA)?;
    Some((context, std::str::from_utf8(saga).ok()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use impresario_protocol::{Direction, EffectKey, Operation, Task};
    use serde_json::{Value, json};

    use super::*;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const ID: &str = "00504f00-0000-8000-8000-0000000000ab";

    fn task(input: Value, traceparent: Option<&str>) -> Vec<u8> {
        let task = Task {
            saga: ID.into(),
            definition: "booking".into(),
            version: None,
            parent: None,
            tenant: "t".into(),
            step: "hold".into(),
            task: "hold-seats".into(),
            operation: Operation::Forward,
            effect: EffectKey {
                saga: "9f3c".into(),
                step: "hold".into(),
                direction: Direction::Forward,
                generation: 1,
            },
            attempt: 1,
            not_after: None,
            timeout_ms: 1_000,
            heartbeat_ms: None,
            saga_started_at: 0,
            input,
            traceparent: traceparent.map(str::to_owned),
        };
        serde_json::to_vec(&task).unwrap()
    }

    #[test]
    fn a_task_is_known_by_its_first_and_its_last_field() {
        let (context, saga) = read(&task(json!({}), Some(TRACEPARENT))).unwrap();
        assert_eq!(context.to_string(), TRACEPARENT);
        assert_eq!(saga, ID);
        let quiet = TRACEPARENT.replace("-01", "-00");
        assert_eq!(read(&task(json!({}), Some(&quiet))), None);
    }

    #[test]
    fn an_input_that_looks_like_one_is_none() {
        for input in [
            json!({ "a": 1, "traceparent": TRACEPARENT }),
            json!(format!("x\",\"traceparent\":\"{TRACEPARENT}")),
            json!(TRACEPARENT),
        ] {
            assert_eq!(read(&task(input, None)), None);
        }
        assert_eq!(read(b"{}"), None);
    }
}
