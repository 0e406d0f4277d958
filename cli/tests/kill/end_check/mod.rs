//! The end check: what customers were told, the journals, seats, money and tickets, compared with each other.
//!
//! It reads dumps, trusts nobody, and answers with a list of violations, each with the story of its saga: what the
//! customer did, the journal, the provider's log, the seats and the barrier rows. One rule, one file.

mod barriers;
mod journal;
mod money;
mod residue;
mod seats;
mod starts;
mod story;
mod tickets;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use impresario_workflows::SagaId;
use impresario_workflows::saga::{State, evolve};

use crate::dump::{Dump, Saga};
use crate::history::Operation;

/// A rule that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    /// The saga it is about, if it is about one.
    pub(crate) saga: Option<String>,
    pub(crate) what: String,
}

/// What is judged: the dump and the customers' history, with a few indexes.
pub(crate) struct Case<'a> {
    pub(crate) dump: &'a Dump,
    pub(crate) operations: &'a [Operation],
    /// The journal folded, by saga; why not, when it does not fold.
    pub(crate) folded: BTreeMap<&'a str, Result<State, String>>,
    /// The saga of each effect key's first part.
    pub(crate) by_part: HashMap<String, &'a str>,
    /// The customer's side of each saga.
    pub(crate) by_saga: HashMap<&'a str, &'a Operation>,
}

/// What there was, for the report and against a run in which nothing happened.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) completed: usize,
    pub(crate) compensated: usize,
    pub(crate) unsure: usize,
    pub(crate) attempts_repeated: usize,
    pub(crate) reconciled: usize,
    pub(crate) cancelled: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            completed,
            compensated,
            unsure,
            ..
        } = self;
        write!(
            f,
            "{completed} completed, {compensated} undone, {unsure} of them without a customer's knowing, \
             {} attempts repeated, {} steps reconciled, {} cancelled",
            self.attempts_repeated, self.reconciled, self.cancelled
        )
    }
}

impl<'a> Case<'a> {
    pub(crate) fn new(dump: &'a Dump, operations: &'a [Operation]) -> Case<'a> {
        let by_key: HashMap<&str, &Operation> =
            operations.iter().map(|op| (op.key.as_str(), op)).collect();
        let by_saga = dump
            .keys
            .iter()
            .filter_map(|(key, saga)| Some((saga.as_str(), *by_key.get(key.as_str())?)))
            .collect();
        let by_part = dump
            .sagas
            .keys()
            .map(|id| (part(id), id.as_str()))
            .collect();
        let folded = dump
            .sagas
            .iter()
            .map(|(id, saga)| (id.as_str(), fold(dump, id, saga)))
            .collect();
        Case {
            dump,
            operations,
            folded,
            by_part,
            by_saga,
        }
    }

    /// Every rule.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        starts::check(self, &mut found);
        journal::check(self, &mut found);
        money::check(self, &mut found);
        seats::check(self, &mut found);
        tickets::check(self, &mut found);
        barriers::check(self, &mut found);
        residue::check(self, &mut found);
        found
    }

    pub(crate) fn counts(&self) -> Counts {
        let ended = |status| {
            self.dump
                .sagas
                .values()
                .filter(|saga| saga.status == status)
                .count()
        };
        let (attempts_repeated, reconciled, cancelled) = journal::repetitions(self);
        Counts {
            completed: ended("completed"),
            compensated: ended("compensated"),
            unsure: starts::unsure(self),
            attempts_repeated,
            reconciled,
            cancelled,
        }
    }

    /// A violation with everything that is known about its saga.
    pub(crate) fn tell(&self, violation: &Violation) -> String {
        let head = format!("== {}: {}", violation.rule, violation.what);
        match &violation.saga {
            Some(saga) => format!("{head}\n{}", story::of(self, saga)),
            None => head,
        }
    }

    pub(crate) fn saga_of_effect(&self, effect: &str) -> Option<&'a str> {
        let part = effect.split('/').next()?;
        self.by_part.get(part).copied()
    }
}

/// Adds a finding.
pub(crate) fn report(
    found: &mut Vec<Violation>,
    rule: &'static str,
    saga: Option<&str>,
    what: impl Into<String>,
) {
    let saga = saga.map(str::to_owned);
    found.push(Violation {
        rule,
        saga,
        what: what.into(),
    });
}

/// The first part of a saga's effect keys.
pub(crate) fn part(saga: &str) -> String {
    saga.parse::<SagaId>()
        .map(SagaId::effect_part)
        .unwrap_or_default()
}

fn fold(dump: &Dump, id: &str, saga: &Saga) -> Result<State, String> {
    let mut state = State::unborn(id, &dump.definition);
    for event in saga.journal.iter().flat_map(|row| &row.events) {
        evolve(&dump.definition, &mut state, event).map_err(|error| error.to_string())?;
    }
    Ok(state)
}
