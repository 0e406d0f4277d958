//! A test table that fits its definition.
//!
//! What a case says is checked as a whole before anything runs: a misspelt step would otherwise be a case that tests
//! nothing and is green.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_saphyr::Spanned;

use super::file::{CaseFile, ExpectFile, TableFile};
use super::words;
use crate::StepIndex;
use crate::definition::{Definition, Diagnostic, Kind, Undo};
use crate::rehearse::{End, Order, Part, Plan, What, example_input, example_outputs, step_of_unit};
use crate::saga::Operation;
use crate::sheet::{self, Entries};
use crate::simulate::Span;

/// A table for one definition.
#[derive(Clone, Debug)]
pub struct Table {
    /// What sagas are started with, when a case does not say.
    pub(super) input: Value,
    /// What steps answer, when a case does not say.
    pub(super) outputs: Vec<Value>,
    pub(super) cases: Vec<Case>,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) input: Value,
    pub(super) outputs: Vec<Value>,
    pub(super) plan: Plan,
    pub(super) expected: Expected,
}

/// What must come of a case; what is not said is not looked at.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) end: End,
    pub(super) because: Option<String>,
    pub(super) undone: Option<Vec<String>>,
    pub(super) effects: Option<Vec<String>>,
    pub(super) stuck: Option<Vec<String>>,
    pub(super) skipped: Option<Vec<String>>,
    pub(super) attempts: BTreeMap<String, u32>,
    pub(super) output: Option<Value>,
    pub(super) within: Option<Span>,
}

/// The definition that a table names: a path from the table's own folder.
pub fn definition_named(source_name: &str, text: &str) -> Result<String, Diagnostic> {
    let file: TableFile = sheet::read(source_name, text)?;
    Ok(file.definition)
}

impl Table {
    /// Reads a table for a definition; everything in it that does not fit is reported.
    pub fn parse(
        definition: &Definition,
        source_name: &str,
        text: &str,
    ) -> Result<Table, Vec<Diagnostic>> {
        let file: TableFile = sheet::read(source_name, text).map_err(|problem| vec![problem])?;
        let mut reader = Reader {
            definition,
            source_name,
            problems: Vec::new(),
        };
        let mut outputs = example_outputs(definition);
        reader.outputs(file.outputs, &mut outputs);
        let mut table = Table {
            input: file.input.unwrap_or_else(|| example_input(definition)),
            outputs,
            cases: Vec::new(),
        };
        for case in file.cases {
            let case = reader.case(case, &table);
            table.cases.push(case);
        }
        if reader.problems.is_empty() {
            Ok(table)
        } else {
            Err(reader.problems)
        }
    }

    /// The table without a case: placeholders for everything that a definition reads.
    pub fn of_placeholders(definition: &Definition) -> Table {
        Table {
            input: example_input(definition),
            outputs: example_outputs(definition),
            cases: Vec::new(),
        }
    }
}

struct Reader<'a> {
    definition: &'a Definition,
    source_name: &'a str,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn case(&mut self, file: CaseFile, table: &Table) -> Case {
        let twice = table.cases.iter().find(|case| case.name == file.name.value);
        if let Some(first) = twice {
            let message = format!("a case of this name stands on line {} already", first.line);
            self.impossible(&file.name, message);
        }
        let mut outputs = table.outputs.clone();
        self.outputs(file.outputs, &mut outputs);
        let mut plan = Plan::default();
        for (key, said) in file.given.0 {
            for text in said.0 {
                self.given(&key, &text, &mut plan);
            }
        }
        Case {
            line: file.name.referenced.line(),
            name: file.name.value,
            input: file.input.unwrap_or_else(|| table.input.clone()),
            outputs,
            plan,
            expected: self.expected(file.expect),
        }
    }

    fn outputs(&mut self, file: Entries<Value>, outputs: &mut [Value]) {
        for (id, output) in file.0 {
            if let Some(step) = self.step(&id, &id.value) {
                outputs[step] = output;
            }
        }
    }

    /// `cancel` and `retry` are orders, unless an operation is named: `cancel.forward`.
    fn given(&mut self, key: &Spanned<String>, text: &Spanned<String>, plan: &mut Plan) {
        let order = match key.value.as_str() {
            "cancel" => {
                words::cancel(self.definition, &text.value).map(|when| (when, What::Cancel))
            }
            "retry" => words::retry(&text.value).map(|when| (when, What::Retry)),
            _ => {
                self.outcome(key, text, plan);
                return;
            }
        };
        match order {
            Ok((when, what)) => plan.orders.push(Order { when, what }),
            Err(message) => self.impossible(text, message),
        }
    }

    fn outcome(&mut self, key: &Spanned<String>, text: &Spanned<String>, plan: &mut Plan) {
        let Some((part, operation)) = self.place(key) else {
            return;
        };
        let known = match &self.definition.steps[part.step].kind {
            Kind::Task(_) => words::turn(operation, &text.value)
                .map(|turn| plan.turns.entry((part, operation)).or_default().push(turn)),
            Kind::Saga(_) => words::child(operation, &text.value)
                .map(|turn| plan.turns.entry((part, operation)).or_default().push(turn)),
            Kind::Wait(_) => words::signal(&text.value)
                .map(|coming| plan.comings.entry(part.step).or_default().push(coming)),
            Kind::Approve { .. } => words::decision(&text.value)
                .map(|coming| plan.comings.entry(part.step).or_default().push(coming)),
            Kind::Sleep { .. } => Err("nothing can happen to time that only goes by".to_owned()),
        };
        if let Err(message) = known {
            self.impossible(text, message);
        }
    }

    /// `hold`, `hold.undo`, `hold.reconcile`, `hold:2`, `hold:2.undo`: an operation that the definition has.
    fn place(&mut self, key: &Spanned<String>) -> Option<(Part, Operation)> {
        let (unit, operation) = key.value.split_once('.').unwrap_or((&key.value, "forward"));
        let part = self.part(key, unit)?;
        let defined = &self.definition.steps[part.step];
        let (operation, has) = match operation {
            "forward" => (Operation::Forward, true),
            "undo" => (
                Operation::Compensate,
                matches!(defined.undo, Undo::Compensate(_)),
            ),
            "reconcile" => (Operation::Reconcile, defined.reconcile.is_some()),
            other => {
                let message = format!("`{other}` is no operation; there are: undo, reconcile");
                self.impossible(key, message);
                return None;
            }
        };
        if !has {
            self.impossible(key, format!("step `{}` has no such task", defined.id));
            return None;
        }
        Some((part, operation))
    }

    /// A step, or one item of a step with `each`.
    fn part(&mut self, place: &Spanned<String>, unit: &str) -> Option<Part> {
        let id = step_of_unit(unit);
        let step = self.step(place, id)?;
        let Some(item) = unit
            .strip_prefix(id)
            .and_then(|rest| rest.strip_prefix(':'))
        else {
            return Some(Part::whole(step));
        };
        let number = item.parse().ok().filter(|n: &usize| n.to_string() == item);
        let each = self.definition.steps[step].each.is_some();
        match number.filter(|_| each) {
            Some(number) => Some(Part {
                step,
                item: Some(number),
            }),
            None => {
                self.impossible(place, format!("step `{id}` has no item `{item}`"));
                None
            }
        }
    }

    fn step(&mut self, place: &Spanned<String>, id: &str) -> Option<StepIndex> {
        let found = self.definition.step_index(id);
        if found.is_none() {
            let word = Spanned::new(id.to_owned(), place.referenced, place.defined);
            let known = self.definition.steps.iter().map(|step| step.id.as_str());
            self.problems
                .push(sheet::unknown(self.source_name, &word, "step", known));
        }
        found
    }

    fn expected(&mut self, file: ExpectFile) -> Expected {
        for place in file.stuck.iter().flatten() {
            self.place(place);
        }
        for unit in file.undone.iter().flatten() {
            self.part(unit, &unit.value);
        }
        for id in file.skipped.iter().flatten() {
            self.step(id, &id.value);
        }
        for effect in file.effects.iter().flatten() {
            self.effect(effect);
        }
        let mut attempts = BTreeMap::new();
        for (place, count) in file.attempts.0 {
            if self.place(&place).is_some() {
                attempts.insert(place.value, count);
            }
        }
        let texts = |list: Option<Vec<Spanned<String>>>| {
            list.map(|list| list.into_iter().map(|text| text.value).collect())
        };
        Expected {
            end: file.end.0,
            because: file.because,
            undone: texts(file.undone),
            effects: texts(file.effects),
            stuck: texts(file.stuck),
            skipped: texts(file.skipped),
            attempts,
            output: file.output,
            within: file.within,
        }
    }

    fn effect(&mut self, effect: &Spanned<String>) {
        let known: Vec<&str> = (0..self.definition.steps.len())
            .filter_map(|step| effect_name(self.definition, step))
            .collect();
        // Of a step with `each` one item's effect may be there and another's not: `seat:1`.
        if !known.contains(&step_of_unit(&effect.value)) {
            let problem = sheet::unknown(self.source_name, effect, "effect", known);
            self.problems.push(problem);
        }
    }

    fn impossible(&mut self, place: &Spanned<String>, message: String) {
        let problem = sheet::impossible(self.source_name, place.referenced, message);
        self.problems.push(problem);
    }
}

/// What people call the effect of a step: its declared name; the step's id when it has none and is undone.
pub(super) fn effect_name(definition: &Definition, step: StepIndex) -> Option<&str> {
    let step = &definition.steps[step];
    let id = match step.undo {
        Undo::Compensate(_) => Some(step.id.as_str()),
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
    };
    step.effect.as_deref().or(id)
}
