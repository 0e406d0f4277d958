//! One step, its compensation and its reconciliation.

use super::super::file::{At, CompensateFile, ReconcileFile, StepFile, UndoFile};
use super::super::node::{Entry, Node};
use super::reader::{Reader, text_of};
use crate::definition::OnUnknown;

/// The words of `on_unknown`.
const ON_UNKNOWN: [(&str, OnUnknown); 4] = [
    ("retry", OnUnknown::Retry),
    ("reconcile", OnUnknown::Reconcile),
    ("compensate", OnUnknown::Compensate),
    ("operator", OnUnknown::Operator),
];

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
    let task = reader.required(&mut fields, "task");
    let step = StepFile {
        task: reader.task(task, "task"),
        needs: reader
            .texts(fields.get("needs"), "needs")
            .unwrap_or_default(),
        input: reader.template(fields.get("input")),
        when: reader.condition(fields.get("when"), "when"),
        timeout: reader.duration(fields.get("timeout"), "timeout"),
        retry: reader.retry(fields.get("retry")),
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
            &[("low", ()), ("normal", ())],
        ),
        id,
    };
    reader.close(fields);
    Some(step)
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
