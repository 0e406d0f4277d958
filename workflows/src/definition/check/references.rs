//! Does everything that is read exist, and exist in time?
//!
//! A task reads `input` and outputs of steps before it. A compensation also goes without its own step's output:
//! it runs when the step's outcome is unknown too, and finds the effect by its key.

use super::super::code::{self, Code};
use super::super::diagnostic::Diagnostic;
use super::super::file::{At, StepFile, Template};
use super::super::input_schema::{Declared, InputSchema};
use super::super::model::{StepIndex, StepSet};
use super::super::node::{Node, Place};
use super::super::plan::Plan;
use super::super::read::Reader;
use super::super::suggest;
use crate::expression::{Condition, Reference, Use};

/// Where an expression stands, and so what it may read.
struct Site<'p> {
    plan: &'p Plan<'p>,
    schema: &'p InputSchema,
    /// Whose outputs may be read.
    readable: StepSet,
    /// What is said when another one is read.
    refusal: Refusal<'p>,
    /// Whether a value that is missing is left out anyway.
    lenient: bool,
    /// What the step's own `when` looks after (`input.coupon is defined`).
    looked_after: Vec<Reference>,
}

enum Refusal<'p> {
    /// The expression belongs to this step.
    Step(&'p StepFile),
    /// The expression belongs to the undoing of this step.
    Undo(&'p StepFile),
    /// The expression is evaluated at the start.
    Start,
}

/// Checks every expression of the file.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>, schema: &InputSchema) {
    for (at, step) in plan.each() {
        of_step(reader, plan, schema, at, step);
    }
    let all = (0..plan.steps.len()).fold(StepSet::EMPTY, StepSet::with);
    let site = |readable, lenient| Site {
        plan,
        schema,
        readable,
        refusal: Refusal::Start,
        lenient,
        looked_after: Vec::new(),
    };
    let start = site(StepSet::EMPTY, true);
    template(reader, &start, plan.file.key.as_ref());
    for (_, attribute) in &plan.file.attributes {
        template(reader, &start, Some(attribute));
    }
    template(reader, &site(all, false), plan.file.output.as_ref());
    for (_, fact) in plan
        .file
        .customer
        .iter()
        .flat_map(|customer| &customer.facts)
    {
        template(reader, &site(all, true), Some(fact));
    }
}

fn of_step(
    reader: &mut Reader<'_>,
    plan: &Plan<'_>,
    schema: &InputSchema,
    at: StepIndex,
    step: &StepFile,
) {
    let readable = plan.ancestors(at);
    let conditions = step.when.iter().flat_map(|when| when.value.uses());
    let looked_after: Vec<Reference> = conditions
        .filter(|found| found.guarded)
        .map(|found| found.reference)
        .collect();
    let site = |refusal| Site {
        plan,
        schema,
        readable,
        refusal,
        lenient: false,
        looked_after: looked_after.clone(),
    };
    let forward = site(Refusal::Step(step));
    template(reader, &forward, step.input.as_ref());
    template(reader, &forward, step.describe.as_ref());
    if let Some(when) = &step.when {
        condition(reader, &forward, when);
    }
    if let Some(undo) = step.undo() {
        let undoing = site(Refusal::Undo(step));
        template(reader, &undoing, undo.input.as_ref());
        template(reader, &undoing, undo.describe.as_ref());
    }
}

fn template(reader: &mut Reader<'_>, site: &Site<'_>, template: Option<&Template>) {
    if let Some(Template { mapping, node }) = template {
        for found in mapping.uses() {
            let place = place_in(reader, node, &found);
            one(reader, site, &found, place);
        }
    }
}

fn condition(reader: &mut Reader<'_>, site: &Site<'_>, when: &At<Condition>) {
    for found in when.value.uses() {
        let place = reader
            .source
            .narrow(when.place, &found.reference.to_string());
        one(reader, site, &found, place);
    }
}

fn place_in(reader: &Reader<'_>, node: &Node, found: &Use) -> Place {
    reader
        .source
        .narrow(node.place_of(&found.pointer), &found.reference.to_string())
}

fn one(reader: &mut Reader<'_>, site: &Site<'_>, found: &Use, place: Place) {
    match &found.reference {
        Reference::Saga(_) => {}
        Reference::Input(path) => input(reader, site, found, path, place),
        Reference::Output { step, path } => output(reader, site, found, step, path, place),
    }
}

fn input(reader: &mut Reader<'_>, site: &Site<'_>, found: &Use, path: &[String], place: Place) {
    match site.schema.declares(path) {
        Declared::Always | Declared::Unknown => {}
        Declared::Maybe => maybe_missing(reader, site, found, place, "it is not required"),
        Declared::Never { field, fields } => {
            let message = format!(
                "`{}` is read, but `input` has no `{field}`",
                found.reference
            );
            let near = suggest::nearest(&field, fields.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", fields.join(", ")),
            };
            reader.note(Diagnostic::error(code::UNKNOWN_INPUT, place, message).with_help(help));
        }
    }
}

fn output(
    reader: &mut Reader<'_>,
    site: &Site<'_>,
    found: &Use,
    step: &str,
    path: &[String],
    place: Place,
) {
    let Some(at) = site.plan.find(step) else {
        unknown_step(reader, site, found, step, place);
        return;
    };
    if !site.readable.contains(at) {
        let (code, message, help) = site.refusal.explain(step);
        reader.note(Diagnostic::error(code, place, message).with_help(help));
        return;
    }
    // The output of a skipped step is null: reading it is fine, reading below it is not.
    if site.plan.steps[at].when.is_some() && !path.is_empty() {
        maybe_missing(
            reader,
            site,
            found,
            place,
            &format!("step `{step}` may be skipped"),
        );
    }
}

fn unknown_step(reader: &mut Reader<'_>, site: &Site<'_>, found: &Use, step: &str, place: Place) {
    let ids = site.plan.steps.iter().map(|step| step.id.value.as_str());
    let message = format!(
        "`{}` is read, but there is no step `{step}`",
        found.reference
    );
    let help = suggest::nearest(step, ids).map(|near| format!("did you mean `{near}`?"));
    reader.note(Diagnostic::error(code::UNKNOWN_STEP, place, message).with_help_if(help));
}

fn maybe_missing(
    reader: &mut Reader<'_>,
    site: &Site<'_>,
    found: &Use,
    place: Place,
    because: &str,
) {
    let looked_after = site.looked_after.contains(&found.reference);
    if found.guarded || site.lenient || looked_after {
        return;
    }
    let message = format!("`{}` may be missing: {because}", found.reference);
    let help = format!(
        "say what to do then: `${{{{ {} | default(…) }}}}`",
        found.reference
    );
    reader.note(Diagnostic::warning(code::MAYBE_MISSING, place, message).with_help(help));
}

impl Refusal<'_> {
    fn explain(&self, read: &str) -> (Code, String, String) {
        match self {
            Refusal::Step(step) if step.id.value == read => (
                code::NOT_BEFORE,
                format!("step `{read}` reads its own output"),
                "a step can read what comes before it".to_owned(),
            ),
            Refusal::Step(step) => (
                code::NOT_BEFORE,
                format!("step `{}` reads the output of `{read}`, which need not be finished", step.id.value),
                format!("add `{read}` to the `needs` of `{}`", step.id.value),
            ),
            Refusal::Undo(step) if step.id.value == read => (
                code::UNDO_READS_OUTPUT,
                format!("the compensation of `{read}` reads the output of `{read}`, which may not exist"),
                "it also runs when the outcome is unknown: let the worker find the effect by its key"
                    .to_owned(),
            ),
            Refusal::Undo(step) => (
                code::UNDO_READS_OUTPUT,
                format!(
                    "the compensation of `{}` reads the output of `{read}`, which need not be finished",
                    step.id.value
                ),
                format!("it can read `input` and what comes before `{}`", step.id.value),
            ),
            Refusal::Start => (
                code::NOT_BEFORE,
                format!("the output of `{read}` is read at the start, when no step has run"),
                "only `input` and `saga` can be read here".to_owned(),
            ),
        }
    }
}
