//! The verdict: what holds, what does not and how it came about, and what could not be judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::case::{Case, Findings, Violation};
use super::checks::{CHECKS, unjudged_rows};
use super::marks::{self, Counts, Histogram, Marks};
use super::rule::Rule;
use super::story;
use super::world::World;
use crate::output::tame;

/// So many stories are told of one rule, and of all: the first ones are enough to find a cause.
const STORIES_OF_A_RULE: usize = 3;
const STORIES: usize = 24;

/// Everything that was found.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Whether every rule that was judged holds.
    pub(crate) holds: bool,
    counts: Counts,
    marks: Marks,
    /// Redeliveries of one attempt: how many attempts had so many.
    redeliveries: Histogram,
    judged: Vec<Rule>,
    not_judged: Vec<NotJudged>,
    /// Journal rows whose inputs this program cannot make again: for these `events are decided` was not judged.
    rows_not_judged: usize,
    violations: Vec<Told>,
}

/// A rule that was not judged, or not everywhere, and which file is missing for it.
#[derive(Serialize)]
struct NotJudged {
    rule: Rule,
    missing: Vec<&'static str>,
}

#[derive(Serialize)]
struct Told {
    rule: Rule,
    invariant: &'static str,
    saga: Option<String>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    story: Option<String>,
}

/// Judges everything.
pub(crate) fn judge(world: &World) -> Report {
    let case = Case::new(world);
    let mut found = Findings::default();
    let (mut judged, mut not_judged) = (Vec::new(), Vec::new());
    for check in &CHECKS {
        let missing: Vec<&str> = check
            .needs
            .iter()
            .filter(|table| !world.present.contains(table))
            .map(|table| table.file())
            .collect();
        if missing.is_empty() {
            (check.run)(&case, &mut found);
            judged.extend_from_slice(check.rules);
        } else {
            not_judged.extend(check.rules.iter().map(|rule| NotJudged {
                rule: *rule,
                missing: missing.clone(),
            }));
        }
    }
    judged.sort_unstable();
    judged.dedup();
    Report {
        holds: found.0.is_empty(),
        counts: marks::counts(&case),
        marks: marks::marks(&case),
        redeliveries: marks::redeliveries(&case),
        judged,
        not_judged,
        rows_not_judged: unjudged_rows(&case),
        violations: told(&case, found.0),
    }
}

fn told(case: &Case<'_>, violations: Vec<Violation>) -> Vec<Told> {
    let mut stories = BTreeMap::<Rule, usize>::new();
    let mut all = 0;
    let tell = |violation: Violation| {
        let Violation { rule, saga, what } = violation;
        let count = stories.entry(rule).or_default();
        let wanted = *count < STORIES_OF_A_RULE && all < STORIES;
        let story = saga
            .as_deref()
            .filter(|_| wanted)
            .map(|saga| story::of(case, saga));
        *count += usize::from(story.is_some());
        all += usize::from(story.is_some());
        Told {
            rule,
            invariant: rule.invariant(),
            saga,
            what,
            story,
        }
    };
    violations.into_iter().map(tell).collect()
}

impl Report {
    /// Whether no rule could be judged at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.judged.is_empty()
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for told in &self.violations {
            let (rule, what) = (told.rule.name(), tame(&told.what));
            let _written = writeln!(text, "✘ {rule} ({}): {what}", told.invariant);
            for line in told.story.as_deref().unwrap_or_default().lines() {
                let _written = writeln!(text, "  {}", tame(line));
            }
        }
        for (rule, missing) in self.missing() {
            let _written = writeln!(text, "- not judged: {rule} (no {missing})");
        }
        if self.rows_not_judged > 0 {
            let rows = self.rows_not_judged;
            let _written = writeln!(text, "- not judged: how {rows} journal rows were decided");
        }
        for (mark, times) in &self.marks {
            let _written = writeln!(text, "  {times:>8}  {mark}");
        }
        let _written = write!(text, "{}", self.sentence());
        text
    }

    /// One line.
    pub(crate) fn sentence(&self) -> String {
        let Counts {
            sagas,
            completed,
            compensated,
            stuck,
            ..
        } = self.counts;
        let ends =
            format!("{sagas} sagas: {completed} completed, {compensated} undone, {stuck} stuck");
        if self.holds {
            format!("{ends}; all of {} rules hold", self.judged.len())
        } else {
            let broken: std::collections::BTreeSet<Rule> =
                self.violations.iter().map(|told| told.rule).collect();
            let (count, rules) = (self.violations.len(), broken.len());
            format!("{ends}; {count} violations of {rules} rules")
        }
    }

    fn missing(&self) -> BTreeMap<&'static str, String> {
        let judged = |rule: &Rule| self.judged.contains(rule);
        self.not_judged
            .iter()
            .map(|not| {
                let part = if judged(&not.rule) {
                    ", a part of it"
                } else {
                    ""
                };
                (not.rule.name(), format!("{}{part}", not.missing.join(", ")))
            })
            .collect()
    }
}
