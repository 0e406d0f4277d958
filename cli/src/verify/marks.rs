//! Marks: how often the interesting paths were taken. A long run in which one of them never was proves less than it
//! seems to; `cargo xtask chaos` fails on it.

use std::collections::{BTreeMap, HashMap};

use impresario_metrics::table::{COMMITS_LOST, COMMITS_UNKNOWN, OUTBOX_PUBLISHED};
use impresario_workflows::saga::{Event, Operation};
use serde::Serialize;

use super::case::{Case, part};
use super::checks::counted_redeliveries;
use super::world::Saga;

/// How many there were, and how they ended.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) wishes: usize,
    pub(crate) sagas: usize,
    pub(crate) completed: usize,
    pub(crate) compensated: usize,
    pub(crate) stuck: usize,
    /// Exist although no client was told so.
    pub(crate) unsure: usize,
    pub(crate) faults: usize,
}

/// Marks by name.
pub(crate) type Marks = BTreeMap<&'static str, usize>;

/// Redeliveries of one attempt, and how many attempts had so many.
pub(crate) type Histogram = BTreeMap<usize, usize>;

pub(crate) fn counts(case: &Case<'_>) -> Counts {
    let ended = |status: &str| {
        let sagas = case.world.sagas.values();
        sagas.filter(|saga| saga.is(status)).count()
    };
    Counts {
        wishes: case.world.history.wishes.len(),
        sagas: case.world.sagas.len(),
        completed: ended("completed"),
        compensated: ended("compensated"),
        stuck: ended("stuck"),
        unsure: case
            .by_saga
            .values()
            .filter(|wish| !wish.acknowledged)
            .count(),
        faults: case.world.faults.len(),
    }
}

pub(crate) fn redeliveries(case: &Case<'_>) -> Histogram {
    let mut histogram = Histogram::new();
    for times in counted_redeliveries(case).into_values() {
        *histogram.entry(times).or_default() += 1;
    }
    histogram
}

pub(crate) fn marks(case: &Case<'_>) -> Marks {
    let mut marks = Marks::new();
    for name in JOURNAL {
        marks.insert(name, 0);
    }
    for (id, saga) in &case.world.sagas {
        journal(saga, &mut marks);
        let overtaken = overtaken(case, id, saga);
        *marks.entry("compensation overtook its action").or_default() += overtaken;
    }
    // A commit is named by its replica's name, a part that no other process has, and a number.
    let by_another = |nonce: &str, by: &str| !nonce.starts_with(&format!("{by}-"));
    let repeats = &case.world.repeats;
    let others = repeats.iter().filter(|row| {
        row.by
            .as_deref()
            .is_some_and(|by| by_another(&row.nonce, by))
    });
    marks.insert("outbox repeated", repeats.len());
    marks.insert("outbox repeated by another replica", others.count());
    marks.insert("task redelivered", case.world.redeliveries.len());
    for (name, counter) in counters() {
        let rows = case.world.counters.iter().filter(|row| row.name == counter);
        let sum = rows.map(|row| row.value).sum::<u64>();
        marks.insert(name, usize::try_from(sum).unwrap_or(usize::MAX));
    }
    marks
}

/// What the journals can show.
const JOURNAL: [&str; 11] = [
    "attempt repeated",
    "attempt sent again under its number",
    "step reconciled",
    "saga cancelled",
    "turn waited for the pivot",
    "late answer after the turn",
    "wait postponed",
    "task came too late",
    "task gave up as poison",
    "undoing repeated",
    "stood before a human",
];

/// What the replicas counted.
fn counters() -> [(&'static str, String); 3] {
    let failed = format!("{}{{result=\"failed\"}}", OUTBOX_PUBLISHED.name());
    [
        ("compare-and-set lost", COMMITS_LOST.name().to_owned()),
        ("answer of a commit lost", COMMITS_UNKNOWN.name().to_owned()),
        ("publication failed", failed),
    ]
}

fn journal(saga: &Saga, marks: &mut Marks) {
    let mut add = |name: &'static str, times: bool| {
        *marks.entry(name).or_default() += usize::from(times);
    };
    let mut sent: HashMap<(&str, Operation), u32> = HashMap::new();
    let (mut turned, mut given_up) = (false, std::collections::HashSet::new());
    for event in saga.events() {
        match event {
            Event::Dispatched {
                step,
                operation,
                attempt,
                ..
            } => {
                let last = sent.insert((step, *operation), *attempt);
                let forward = *operation == Operation::Forward;
                add("attempt repeated", *attempt > 1 && forward);
                add(
                    "undoing repeated",
                    *attempt > 1 && *operation == Operation::Compensate,
                );
                add(
                    "attempt sent again under its number",
                    last == Some(*attempt),
                );
                let asked = *attempt == 1 && *operation == Operation::Reconcile;
                add("step reconciled", asked);
            }
            Event::GaveUp { step, .. } => drop(given_up.insert(step)),
            Event::Succeeded { step, .. } | Event::Closed { step, .. } => {
                add(
                    "late answer after the turn",
                    turned || given_up.contains(step),
                );
            }
            Event::TurnRequested { .. } => add("turn waited for the pivot", true),
            Event::Turned { stamp, .. } => {
                turned = true;
                add("saga cancelled", stamp.is_some());
            }
            Event::Postponed { .. } => add("wait postponed", true),
            Event::RetryScheduled { problem, .. } => {
                add("task came too late", problem.code == "expired");
                add("task gave up as poison", problem.code == "poisoned");
            }
            Event::Parked { .. } => add("stood before a human", true),
            _ => {}
        }
    }
}

/// Effects that were asked for and whose compensation came first: it left a tombstone.
fn overtaken(case: &Case<'_>, id: &str, saga: &Saga) -> usize {
    let undone = saga.events().filter_map(|event| match event {
        Event::Dispatched {
            step,
            operation: Operation::Compensate,
            attempt: 1,
            ..
        } => Some(step),
        _ => None,
    });
    let part = part(id);
    undone
        .filter(|step| {
            let effect = format!("{part}/{step}/forward/1");
            let row = case.world.barriers.get(&effect);
            row.is_some_and(|row| row.state == "tombstone")
        })
        .count()
}
