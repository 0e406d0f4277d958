//! Expected against found.

use serde_json::{Value, json};

use super::run::{Found, Moment, run};
use super::table::{Case, Expected, Table};
use crate::definition::Definition;
use crate::rehearse::{Limits, Stage};
use crate::saga::Unfoldable;

/// One case after it was run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Line of the table.
    pub line: u64,
    /// What is not as expected; nothing when it passed.
    pub mismatches: Vec<Mismatch>,
    /// What came of it.
    pub found: Found,
    /// Every fact, in order.
    pub moments: Vec<Moment>,
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Mismatch {
    /// The key under `expect`.
    pub key: String,
    /// What stands there.
    pub expected: Value,
    /// What came.
    pub found: Value,
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Table {
    /// Runs every case.
    pub fn run(&self, definition: &Definition) -> Result<Vec<CaseResult>, Unfoldable> {
        let mut stage = Stage::new(definition);
        self.cases
            .iter()
            .map(|case| judged(definition, &mut stage, case))
            .collect()
    }
}

fn judged(
    definition: &Definition,
    stage: &mut Stage<'_>,
    case: &Case,
) -> Result<CaseResult, Unfoldable> {
    let (found, moments) = run(
        definition,
        stage,
        &case.input,
        &case.outputs,
        &case.plan,
        Limits::patient(),
    )?;
    Ok(CaseResult {
        name: case.name.clone(),
        line: case.line,
        mismatches: mismatches(&case.expected, &found),
        found,
        moments,
    })
}

fn mismatches(expected: &Expected, found: &Found) -> Vec<Mismatch> {
    let mut judge = Judge(Vec::new());
    judge.same("end", Some(&expected.end.as_str()), found.end);
    judge.same("because", expected.because.as_ref(), &found.because);
    judge.same("undone", expected.undone.as_ref(), &found.undone);
    // Sets: nobody should have to know in which order steps are told.
    for (key, wanted, came) in [
        ("effects", &expected.effects, &found.effects),
        ("stuck", &expected.stuck, &found.stuck),
        ("skipped", &expected.skipped, &found.skipped),
    ] {
        judge.same(
            key,
            wanted.as_ref().map(|names| sorted(names)),
            sorted(came),
        );
    }
    for (place, wanted) in &expected.attempts {
        let came = found.attempts.get(place).copied().unwrap_or(0);
        judge.same(&format!("attempts.{place}"), Some(*wanted), came);
    }
    judge.same("output", expected.output.as_ref(), &found.output);
    if let Some(within) = expected.within.filter(|within| found.after > *within) {
        let shown = (json!(within.to_string()), json!(found.after.to_string()));
        judge.wrong("within", shown.0, shown.1);
    }
    judge.0
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

struct Judge(Vec<Mismatch>);

impl Judge {
    /// What is wanted and what came are compared as JSON: it is how people read both.
    fn same(
        &mut self,
        key: &str,
        wanted: Option<impl serde::Serialize>,
        came: impl serde::Serialize,
    ) {
        let Some(wanted) = wanted else { return };
        let (wanted, came) = (json!(wanted), json!(came));
        if wanted != came {
            self.wrong(key, wanted, came);
        }
    }

    fn wrong(&mut self, key: &str, expected: Value, found: Value) {
        self.0.push(Mismatch {
            key: key.to_owned(),
            expected,
            found,
        });
    }
}
