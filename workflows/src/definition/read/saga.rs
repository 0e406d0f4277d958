//! The top of the file.

use serde_json::Value;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{At, CustomerFile, DefaultsFile, SagaFile, StepFile};
use super::super::node::{Content, Node, Place};
use super::reader::{Reader, entries};
use super::step;
use crate::definition::STEPS_MAX;

/// Reads a whole file; `None` when it is not even a map.
pub(crate) fn saga(reader: &mut Reader<'_>, node: &Node) -> Option<SagaFile> {
    let mut fields = reader.open(node, "the file", "the definition")?;
    fields.place = Place {
        line: node.place.line,
        column: node.place.column,
        length: 1,
    };
    let (name, version) = (
        reader.required(&mut fields, "saga"),
        reader.required(&mut fields, "version"),
    );
    let file = SagaFile {
        saga: reader.name(name, "saga"),
        version: version.and_then(|node| self::version(reader, node)),
        description: reader.text(fields.get("description"), "description"),
        owner: reader.text(fields.get("owner"), "owner"),
        runbook: reader.text(fields.get("runbook"), "runbook"),
        key: reader.text_template(fields.get("key"), "key"),
        attributes: reader
            .templates(fields.get("attributes"), "attributes")
            .unwrap_or_default(),
        deadline: reader.duration(fields.get("deadline"), "deadline"),
        on_deadline: reader.word(
            fields.get("on_deadline"),
            "on_deadline",
            &[("compensate", ())],
        ),
        input: fields.get("input").cloned(),
        defaults: fields
            .get("defaults")
            .and_then(|node| defaults(reader, node)),
        steps: reader
            .required(&mut fields, "steps")
            .map(|node| steps(reader, node))
            .unwrap_or_default(),
        invariants: reader.invariants(fields.get("invariants")),
        output: reader.template(fields.get("output")),
        rest: reader.name(fields.get("rest"), "rest"),
        customer: fields
            .get("customer")
            .and_then(|node| customer(reader, node)),
    };
    reader.close(fields);
    Some(file)
}

fn version(reader: &mut Reader<'_>, node: &Node) -> Option<At<u32>> {
    let number = match &node.content {
        Content::Scalar(Value::Number(number)) => number.as_u64(),
        Content::Scalar(_) | Content::List(_) | Content::Map(_) => None,
    };
    match number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0)
    {
        Some(value) => Some(At {
            value,
            place: node.place,
        }),
        None => {
            reader.wrong(node, "version", "a whole number from 1");
            None
        }
    }
}

fn defaults(reader: &mut Reader<'_>, node: &Node) -> Option<DefaultsFile> {
    let mut fields = reader.open(node, "defaults", "`defaults`")?;
    let defaults = DefaultsFile {
        timeout: reader.duration(fields.get("timeout"), "timeout"),
        retry: reader.retry(fields.get("retry")),
    };
    reader.close(fields);
    Some(defaults)
}

fn steps(reader: &mut Reader<'_>, node: &Node) -> Vec<StepFile> {
    let Some(entries) = entries(node) else {
        reader.wrong(node, "steps", "a map of steps");
        return Vec::new();
    };
    if entries.is_empty() {
        let message = "a saga needs at least one step";
        reader.note(Diagnostic::error(code::MISSING_KEY, node.place, message));
    }
    if let Some(beyond) = entries.get(STEPS_MAX) {
        let message = format!("{} steps: at most {STEPS_MAX} are allowed", entries.len());
        reader.note(Diagnostic::error(code::LIMIT, beyond.place, message));
    }
    entries
        .into_iter()
        .take(STEPS_MAX)
        .filter_map(|entry| step::step(reader, entry))
        .collect()
}

fn customer(reader: &mut Reader<'_>, node: &Node) -> Option<CustomerFile> {
    let mut fields = reader.open(node, "customer", "`customer`")?;
    let customer = CustomerFile {
        sentences: fields
            .get("sentences")
            .map(|node| sentences(reader, node))
            .unwrap_or_default(),
        facts: reader
            .templates(fields.get("facts"), "facts")
            .unwrap_or_default(),
    };
    reader.close(fields);
    Some(customer)
}

fn sentences(reader: &mut Reader<'_>, node: &Node) -> Vec<(At<String>, String)> {
    let Some(entries) = entries(node) else {
        reader.wrong(node, "sentences", "a map of sentences");
        return Vec::new();
    };
    let mut sentences = Vec::new();
    for entry in entries {
        let situation = At {
            value: entry.key.clone(),
            place: entry.place,
        };
        if let Some(sentence) = reader.text(Some(&entry.value), &entry.key) {
            sentences.push((situation, sentence.value));
        }
    }
    sentences
}
