//! The table of transitions: every class of states that a saga can reach, times everything that can happen.
//!
//! Found by search, not written by hand: from the start every input is tried in every state, until no state of
//! a new kind comes up. What is printed is one state of each class, with the shortest way there. The snapshot is
//! the reviewed one: a change of it is a change of what sagas mean.

mod classes;
pub(crate) mod inputs;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use impresario_workflows::Definition;
use impresario_workflows::saga::{Command, Dispatch, Input, Moment, State, decide};

use crate::bench::definitions::{booking, diamond};
use crate::bench::{BEGINNING, words};

/// A state, when it is, and how it was reached.
#[derive(Clone)]
struct Found {
    state: State,
    now: u64,
    way: Vec<String>,
}

/// What one input does.
struct Row {
    name: String,
    does: String,
    leads: Option<Found>,
}

#[test]
fn the_booking() {
    let text = table(&booking(), inputs::Width::FirstOpen, classes::by_place);
    insta::assert_snapshot!("booking", text);
}

#[test]
fn the_diamond_on_its_way_back() {
    let text = table(&diamond(), inputs::Width::AnswersToAll, classes::undoing);
    insta::assert_snapshot!("diamond", text);
}

fn table(
    definition: &Definition,
    width: inputs::Width,
    class_of: fn(&Definition, &State) -> Option<String>,
) -> String {
    let mut printed: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = usual();
    for found in search(definition) {
        let Some(class) = class_of(definition, &found.state) else {
            continue;
        };
        let seen = printed.entry(class.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            continue;
        }
        print(
            &mut out,
            definition,
            &class,
            &found,
            &rows(definition, &found, width),
        );
    }
    let states: usize = printed.values().sum();
    writeln!(out, "{} classes of {states} kinds of states", printed.len()).ok();
    out
}

/// One state of each kind, nearest first.
fn search(definition: &Definition) -> Vec<Found> {
    let unborn = State::unborn("00000000-0000-8000-8000-000000000001", definition);
    let first = Found {
        state: unborn,
        now: BEGINNING,
        way: Vec::new(),
    };
    let mut kinds = BTreeSet::from([classes::kind(definition, &first.state)]);
    let mut queue = VecDeque::from([first]);
    let mut all = Vec::new();
    while let Some(found) = queue.pop_front() {
        for row in rows(definition, &found, inputs::Width::All) {
            if let Some(next) = row.leads
                && kinds.insert(classes::kind(definition, &next.state))
            {
                queue.push_back(next);
            }
        }
        all.push(found);
        assert!(all.len() < 20_000, "kinds of states must be few");
    }
    all
}

fn rows(definition: &Definition, found: &Found, width: inputs::Width) -> Vec<Row> {
    inputs::inputs(definition, &found.state, found.now, width)
        .into_iter()
        .map(|(name, input, now)| row(definition, found, name, &input, now))
        .collect()
}

fn row(definition: &Definition, found: &Found, name: String, input: &Input, now: u64) -> Row {
    let decision = match decide(definition, &found.state, input, moment(now)) {
        Ok(decision) => decision,
        Err(refusal) => {
            return Row {
                name,
                does: format!("refused: {refusal}"),
                leads: None,
            };
        }
    };
    crate::bench::laws::hold(definition, &found.state, input, &decision);
    if !decision.meaning.is_news() {
        let does = format!("ignored: {}", words::meaning(decision.meaning));
        return Row {
            name,
            does,
            leads: None,
        };
    }
    let facts: Vec<String> = decision.events.iter().map(words::event).collect();
    let tasks: Vec<String> = decision.commands.iter().map(task).collect();
    let mut does = facts.join("; ");
    if !tasks.is_empty() {
        write!(does, " => {}", tasks.join(", ")).ok();
    }
    let way = found.way.iter().cloned().chain([name.clone()]).collect();
    Row {
        name,
        does,
        leads: Some(Found {
            state: decision.next,
            now,
            way,
        }),
    }
}

fn moment(now: u64) -> Moment {
    Moment {
        now,
        jitter_permille: 1000,
    }
}

fn task(command: &Command) -> String {
    let Command::Dispatch(Dispatch {
        pool,
        task,
        generation,
        ..
    }) = command
    else {
        panic!("a saga without a parent tells nobody: {command:?}");
    };
    if *generation == 1 {
        format!("{pool}/{task}")
    } else {
        format!("{pool}/{task} g{generation}")
    }
}

/// Said once, for states where nothing else is said.
const USUAL: [(&str, &str); 6] = [
    ("start", "ignored: already started"),
    ("look", "ignored: not due"),
    ("retry", "refused: cannot retry: nothing is parked"),
    ("engine fault", "quarantined (engine_error)"),
    ("foreign step", "ignored: foreign"),
    ("other generation", "ignored: stale"),
];

fn is_usual(row: &Row) -> bool {
    USUAL
        .iter()
        .any(|(name, does)| row.name == *name && row.does.starts_with(does))
}

fn usual() -> String {
    let lines = USUAL
        .iter()
        .map(|(name, does)| format!("  {name}: {does}\n"));
    format!(
        "where nothing else is said\n{}\n",
        lines.collect::<String>()
    )
}

/// Inputs that do the same stand in one line. Writing to a String cannot fail, hence the `ok()`s.
fn print(out: &mut String, definition: &Definition, class: &str, found: &Found, rows: &[Row]) {
    let status = found.state.status(definition).as_str();
    writeln!(out, "{class} ({status})").ok();
    if !found.way.is_empty() {
        writeln!(out, "  by {}", way(&found.way)).ok();
    }
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for row in rows.iter().filter(|row| !is_usual(row)) {
        match groups.iter_mut().find(|(_, does)| *does == row.does) {
            Some((names, _)) => names.push(&row.name),
            None => groups.push((vec![&row.name], &row.does)),
        }
    }
    for (names, does) in groups {
        writeln!(out, "  {}: {does}", names.join(", ")).ok();
    }
    out.push('\n');
}

/// The way there, with repetitions counted.
fn way(steps: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = steps;
    while let [first, ..] = rest {
        // Pairs repeat too: an answer, then the end of a backoff.
        let pair = &rest[..rest.len().min(2)];
        let pairs = rest.chunks(2).take_while(|chunk| *chunk == pair).count();
        if pair.len() == 2 && pairs > 1 {
            parts.push(format!("{}x ({})", pairs, pair.join(", ")));
            rest = &rest[2 * pairs..];
        } else {
            parts.push(first.clone());
            rest = &rest[1..];
        }
    }
    parts.join(", ")
}
