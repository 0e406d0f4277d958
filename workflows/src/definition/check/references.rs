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
    /// Whether there is an `item` here.
    has_item: bool,
    /// Whether there is a `signal` here.
    has_signal: bool,
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
        has_item: false,
        has_signal: false,
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
        has_item: false,
        has_signal: false,
    };
    let whole = site(Refusal::Step(step));
    template(reader, &whole, step.each.as_ref());
    if let Some(when) = &step.when {
        condition(reader, &whole, when);
    }
    let unit = Site {
        has_item: step.each.is_some(),
        ..site(Refusal::Step(step))
    };
    template(reader, &unit, step.input.as_ref());
    template(reader, &unit, step.describe.as_ref());
    if let Some(matches) = step
        .wait
        .as_ref()
        .and_then(|wait| wait.value.matches.as_ref())
    {
        let arriving = Site {
            has_signal: true,
            ..site(Refusal::Step(step))
        };
        condition(reader, &arriving, matches);
    }
    if let Some(undo) = step.undo() {
        let undoing = Site {
            has_item: step.each.is_some(),
            ..site(Refusal::Undo(step))
        };
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
        Reference::Item(_) if site.has_item => {}
        Reference::Signal(_) if site.has_signal => {}
        Reference::Item(_) => out_of_place(reader, place, "item", "a step with `each`"),
        Reference::Signal(_) => out_of_place(reader, place, "signal", "the `match` of a `wait`"),
    }
}

fn out_of_place(reader: &mut Reader<'_>, place: Place, root: &str, there: &str) {
    let message = format!("`{root}` can only be read in {there}");
    reader.note(Diagnostic::error(code::NOT_READABLE, place, message));
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
    declared_output(reader, site, found, at, path, place);
    // The output of a skipped step is null: reading it is fine, reading below it is not.
    let read = site.plan.steps[at];
    if read.may_be_passed() && !path.is_empty() {
        let why = match read.when {
            Some(_) => "may be skipped",
            None => "may fail without the saga failing",
        };
        maybe_missing(reader, site, found, place, &format!("step `{step}` {why}"));
    }
}

/// A step that declares its output is held to it by everybody who reads it. Outputs may always have more in them.
fn declared_output(
    reader: &mut Reader<'_>,
    site: &Site<'_>,
    found: &Use,
    at: StepIndex,
    path: &[String],
    place: Place,
) {
    let read = site.plan.steps[at];
    let Some(schema) = read.output.as_ref().filter(|_| read.each.is_none()) else {
        return;
    };
    match InputSchema::closing(&schema.to_json()).declares(path) {
        Declared::Always | Declared::Unknown => {}
        Declared::Maybe => maybe_missing(reader, site, found, place, "it is not required"),
        Declared::Never { field, fields } => {
            let step = &read.id.value;
            let message = format!(
                "`{}` is read, but the output of `{step}` has no `{field}`",
                found.reference
            );
            let help = suggest::nearest(&field, fields.iter().map(String::as_str)).map_or_else(
                || format!("there are: {}", fields.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            reader.note(Diagnostic::error(code::UNKNOWN_OUTPUT, place, message).with_help(help));
        }
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
