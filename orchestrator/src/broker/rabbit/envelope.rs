//! Cuts a list of encoded tasks into message bodies.
//!
//! The tasks were encoded once, for the outbox row; here the envelope `{"v":1,"partition":P,"sent_at":T,"tasks":[…]}` is
//! written around those bytes by hand, so that publishing never parses or encodes a task again. The tests
//! hold it to the protocol crate's own reading.

use bytes::Bytes;
use impresario_protocol::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION, TASKS_PER_MESSAGE_MAX};

/// Room for the envelope itself; it is 71 bytes with the greatest numbers.
const ENVELOPE_BYTES: usize = 96;

/// Bodies of at most `per_message` tasks and below the protocol's size, in the order of the tasks. A task
/// that is too large by itself travels alone and is the caller's mistake: it is sent all the same, because a
/// list that can never leave would hold its siblings back for ever.
pub(super) fn bodies(
    partition: u16,
    tasks: &[Bytes],
    per_message: usize,
    sent_at: u64,
) -> Vec<Vec<u8>> {
    let per_message = per_message.clamp(1, TASKS_PER_MESSAGE_MAX);
    let mut bodies = Vec::with_capacity(tasks.len().div_ceil(per_message));
    let mut first = 0;
    while first < tasks.len() {
        let mut bytes = ENVELOPE_BYTES;
        let mut end = first;
        while end < tasks.len() && end - first < per_message {
            let more = bytes + tasks[end].len() + 1;
            if more > MESSAGE_BYTES_MAX && end > first {
                break;
            }
            bytes = more;
            end += 1;
        }
        if bytes > MESSAGE_BYTES_MAX {
            tracing::warn!(
                partition,
                bytes,
                "a task is larger than a message may be; sending it alone"
            );
        }
        bodies.push(envelope(partition, &tasks[first..end], bytes, sent_at));
        first = end;
    }
    bodies
}

fn envelope(partition: u16, tasks: &[Bytes], capacity: usize, sent_at: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(capacity);
    body.extend_from_slice(
        format!(
            "{{\"v\":{PROTOCOL_VERSION},\"partition\":{partition},\"sent_at\":{sent_at},\"tasks\":["
        )
        .as_bytes(),
    );
    for (index, task) in tasks.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(task);
    }
    body.extend_from_slice(b"]}");
    body
}

#[cfg(test)]
mod tests {
    use impresario_protocol::{Direction, EffectKey, Operation, Task, TaskMessage};

    use super::*;

    fn task(n: usize, padding: usize) -> Bytes {
        let task = Task {
            saga: format!("saga-{n}"),
            definition: "booking".into(),
            version: None,
            parent: None,
            tenant: "t".into(),
            step: "reserve \"quoted\" {]},".into(),
            task: "hold-seats".into(),
            operation: Operation::Forward,
            effect: EffectKey {
                saga: "9f3c".into(),
                step: "reserve".into(),
                direction: Direction::Forward,
                generation: 1,
            },
            attempt: 1,
            not_after: None,
            timeout_ms: 1_000,
            heartbeat_ms: None,
            saga_started_at: 0,
            input: serde_json::json!({ "padding": "x".repeat(padding) }),
            traceparent: None,
        };
        serde_json::to_vec(&task).unwrap().into()
    }

    fn sagas(bodies: &[Vec<u8>]) -> Vec<Vec<String>> {
        let read = |body: &Vec<u8>| {
            let message: TaskMessage = serde_json::from_slice(body).unwrap();
            assert_eq!((message.v, message.partition), (PROTOCOL_VERSION, u16::MAX));
            message.tasks.into_iter().map(|task| task.saga).collect()
        };
        bodies.iter().map(read).collect()
    }

    #[test]
    fn the_hand_written_envelope_reads_as_a_task_message_in_order() {
        let tasks: Vec<_> = (0..7).map(|n| task(n, 10)).collect();
        let read = sagas(&bodies(u16::MAX, &tasks, 3, u64::MAX));
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        let flat: Vec<_> = read.into_iter().flatten().collect();
        assert_eq!(
            flat,
            (0..7).map(|n| format!("saga-{n}")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn bodies_stay_below_the_protocols_size() {
        let tasks: Vec<_> = (0..10).map(|n| task(n, MESSAGE_BYTES_MAX / 4)).collect();
        let bodies = bodies(u16::MAX, &tasks, 128, u64::MAX);
        assert!(bodies.iter().all(|body| body.len() < MESSAGE_BYTES_MAX));
        assert_eq!(
            sagas(&bodies).iter().map(Vec::len).collect::<Vec<_>>(),
            [3, 3, 3, 1]
        );
    }

    #[test]
    fn a_task_that_is_too_large_travels_alone() {
        let tasks = [task(0, 1), task(1, MESSAGE_BYTES_MAX), task(2, 1)];
        let read = sagas(&bodies(u16::MAX, &tasks, 128, u64::MAX));
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn no_tasks_make_no_message_and_a_limit_of_zero_means_one() {
        assert!(bodies(1, &[], 8, 0).is_empty());
        assert_eq!(bodies(u16::MAX, &[task(0, 1), task(1, 1)], 0, 0).len(), 2);
    }
}
