//! One step, its compensation and its reconciliation.

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{
    ApproveFile, At, CompensateFile, ReconcileFile, StepFile, UndoFile, WaitFile,
};
use super::super::node::{Content, Entry, Node};
use super::reader::{Fields, Reader, text_of};
use crate::Millis;
use crate::definition::{Importance, OnFailure, OnUnknown};

/// The words of `on_unknown`.
const ON_UNKNOWN: [(&str, OnUnknown); 4] = [
    ("retry", OnUnknown::Retry),
    ("reconcile", OnUnknown::Reconcile),
    ("compensate", OnUnknown::Compensate),
    ("operator", OnUnknown::Operator),
];

/// The words of `on_failure`.
const ON_FAILURE: [(&str, OnFailure); 3] = [
    ("fail", OnFailure::Fail),
    ("continue", OnFailure::Continue),
    ("park", OnFailure::Park),
];

/// The keys that say what a step is: each step has one of them.
const KINDS: [&str; 5] = ["task", "saga", "sleep", "wait", "approve"];

/// Reads the step under `entry`.
pub(super) fn step(reader: &mut Reader<'_>, entry: &Entry) -> Option<StepFile> {
    let id = At {
        value: entry.key.clone(),
        place: entry.place,
    };
    reader.checked_name(&id, "steps", "_");
    let mut fields = reader.open(&entry.value, &entry.key, format!("step `{}`", entry.key))?;
    // What is missing is missing in the step, which is known by its key.
    fields.place = entry.place;
    one_kind(reader, &mut fields, entry);
    let timeouts = timeouts(reader, fields.get("timeout"));
    let step = StepFile {
        task: reader.task(fields.get("task"), "task"),
        saga: reader.name(fields.get("saga"), "saga"),
        sleep: reader.duration(fields.get("sleep"), "sleep"),
        wait: fields.get("wait").and_then(|node| wait(reader, node)),
        approve: fields.get("approve").and_then(|node| approve(reader, node)),
        each: reader.template(fields.get("each")),
        max_parallel: reader.items(fields.get("max_parallel"), "max_parallel", 1),
        tolerate: reader.items(fields.get("tolerate"), "tolerate", 0),
        needs: reader
            .texts(fields.get("needs"), "needs")
            .unwrap_or_default(),
        input: reader.template(fields.get("input")),
        when: reader.condition(fields.get("when"), "when"),
        timeout: timeouts.attempt,
        queue_timeout: timeouts.queue,
        step_timeout: timeouts.step,
        heartbeat: timeouts.heartbeat,
        retry: reader.retry(fields.get("retry")),
        dispatch: reader.word(fields.get("dispatch"), "dispatch", &[("once", ())]),
        on_failure: reader.word(fields.get("on_failure"), "on_failure", &ON_FAILURE),
        compensate: fields
            .get("compensate")
            .and_then(|node| compensate(reader, node)),
        speaks_of_undo: fields
            .get("compensate")
            .or(fields.get("readonly"))
            .is_some(),
        reason: reader.text(fields.get("reason"), "reason"),
        on_unknown: reader.word(fields.get("on_unknown"), "on_unknown", &ON_UNKNOWN),
        reconcile: fields
            .get("reconcile")
            .and_then(|node| reconcile(reader, node)),
        pivot: reader.flag(fields.get("pivot"), "pivot"),
        readonly: reader.flag(fields.get("readonly"), "readonly"),
        effect: reader.name(fields.get("effect"), "effect"),
        expires: reader.duration(fields.get("expires"), "expires"),
        pins: reader.texts(fields.get("pins"), "pins").unwrap_or_default(),
        describe: reader.text_template(fields.get("describe"), "describe"),
        importance: reader.word(
            fields.get("importance"),
            "importance",
            &[("low", Importance::Low), ("normal", Importance::Normal)],
        ),
        output: fields.get("output").cloned(),
        id,
    };
    reader.close(fields);
    Some(step)
}

/// A step is one thing: the first key that says what counts, a second one is refused.
fn one_kind(reader: &mut Reader<'_>, fields: &mut Fields<'_>, entry: &Entry) {
    let there: Vec<(&str, &Node)> = KINDS
        .iter()
        .filter_map(|kind| Some((*kind, fields.get(kind)?)))
        .collect();
    let id = &entry.key;
    match there.as_slice() {
        [_] => {}
        [] => {
            let message = format!("step `{id}` does not say what it is");
            reader.note(
                Diagnostic::error(code::MISSING_KEY, entry.place, message).with_help(
                    "write `task: pool/task`, or one of `saga`, `sleep`, `wait`, `approve`",
                ),
            );
        }
        [(first, _), rest @ ..] => {
            for (other, node) in rest {
                let message = format!("step `{id}` is `{first}` and cannot be `{other}` too");
                reader.note(
                    Diagnostic::error(code::TWO_KINDS, node.place, message)
                        .with_help("make two steps of it, ordered by `needs`"),
                );
            }
        }
    }
}

/// The limits of one `timeout` key.
#[derive(Default)]
struct Timeouts {
    attempt: Option<At<Millis>>,
    queue: Option<At<Millis>>,
    step: Option<At<Millis>>,
    heartbeat: Option<At<Millis>>,
}

/// `timeout: 5s` is the attempt's; the map has the others too.
fn timeouts(reader: &mut Reader<'_>, node: Option<&Node>) -> Timeouts {
    let Some(node) = node else {
        return Timeouts::default();
    };
    if !matches!(node.content, Content::Map(_)) {
        return Timeouts {
            attempt: reader.duration(Some(node), "timeout"),
            ..Timeouts::default()
        };
    }
    let Some(mut fields) = reader.open(node, "timeout", "`timeout`") else {
        return Timeouts::default();
    };
    let timeouts = Timeouts {
        attempt: reader.duration(fields.get("attempt"), "attempt"),
        queue: reader.duration(fields.get("queue"), "queue"),
        step: reader.duration(fields.get("step"), "step"),
        heartbeat: reader.duration(fields.get("heartbeat"), "heartbeat"),
    };
    reader.close(fields);
    timeouts
}

fn wait(reader: &mut Reader<'_>, node: &Node) -> Option<At<WaitFile>> {
    let mut fields = reader.open(node, "wait", "`wait`")?;
    let (signal, timeout) = (
        reader.required(&mut fields, "signal"),
        reader.required(&mut fields, "timeout"),
    );
    let wait = WaitFile {
        signal: reader.dotted_name(signal, "signal"),
        matches: reader.condition(fields.get("match"), "match"),
        timeout: reader.duration(timeout, "timeout"),
    };
    reader.close(fields);
    Some(At {
        value: wait,
        place: node.place,
    })
}

fn approve(reader: &mut Reader<'_>, node: &Node) -> Option<At<ApproveFile>> {
    let mut fields = reader.open(node, "approve", "`approve`")?;
    let timeout = reader.required(&mut fields, "timeout");
    let approve = ApproveFile {
        roles: reader
            .texts(fields.get("roles"), "roles")
            .unwrap_or_default(),
        timeout: reader.duration(timeout, "timeout"),
    };
    reader.close(fields);
    Some(At {
        value: approve,
        place: node.place,
    })
}

fn compensate(reader: &mut Reader<'_>, node: &Node) -> Option<At<CompensateFile>> {
    if text_of(node) == Some("none") {
        return Some(At {
            value: CompensateFile::None,
            place: node.place,
        });
    }
    if text_of(node).is_some() {
        reader.wrong(node, "compensate", "`none` or a map with `task`");
        return None;
    }
    let mut fields = reader.open(node, "compensate", "`compensate`")?;
    let task = reader.required(&mut fields, "task");
    let undo = UndoFile {
        task: reader.task(task, "task"),
        input: reader.template(fields.get("input")),
        timeout: reader.duration(fields.get("timeout"), "timeout"),
        retry: reader.retry(fields.get("retry")),
        describe: reader.text_template(fields.get("describe"), "describe"),
    };
    reader.close(fields);
    Some(At {
        value: CompensateFile::By(Box::new(undo)),
        place: node.place,
    })
}

fn reconcile(reader: &mut Reader<'_>, node: &Node) -> Option<At<ReconcileFile>> {
    let mut fields = reader.open(node, "reconcile", "`reconcile`")?;
    let task = reader.required(&mut fields, "task");
    let reconcile = ReconcileFile {
        task: reader.task(task, "task"),
        timeout: reader.duration(fields.get("timeout"), "timeout"),
        retry: reader.retry(fields.get("retry")),
    };
    reader.close(fields);
    Some(At {
        value: reconcile,
        place: node.place,
    })
}
