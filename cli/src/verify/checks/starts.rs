//! Starts: each acknowledged one exists once, each unsure one at most once, and nothing exists that nobody started.

use std::collections::{HashMap, HashSet};

use impresario_workflows::SagaId;
use impresario_workflows::saga::Event;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::Wish;
use crate::verify::rule::Rule;
use crate::verify::table::Table;

/// Keys and sagas, without a client.
pub(super) const KEYS: Check = Check {
    needs: &[
        Table::Saga,
        Table::SagaKey,
        Table::Journal,
        Table::Definition,
    ],
    rules: &[
        Rule::AcknowledgedExists,
        Rule::OneSagaAKey,
        Rule::IdIsDerived,
        Rule::NoPhantom,
    ],
    run: keys,
};

/// What clients were told of them.
pub(super) const CLIENTS: Check = Check {
    needs: &[Table::Ops, Table::Saga, Table::SagaKey, Table::Journal],
    rules: &[
        Rule::AcknowledgedExists,
        Rule::OneSagaAKey,
        Rule::NoPhantom,
        Rule::InputIsKept,
    ],
    run: clients,
};

fn keys(case: &Case<'_>, found: &mut Findings) {
    let mut owners: HashMap<(&str, &str, &str), &str> = HashMap::new();
    let mut keyed: HashSet<&str> = HashSet::new();
    for row in &case.world.keys {
        let (key, saga) = (&row.key, row.saga_id.as_str());
        if let Some(other) = owners.insert((&row.tenant, &row.definition, key), saga) {
            let what = format!("{key} has {saga} and {other}");
            found.report(Rule::OneSagaAKey, Some(saga), what);
        }
        keyed.insert(saga);
        match case.world.sagas.get(saga) {
            None => {
                let what = format!("{key} has no saga");
                found.report(Rule::AcknowledgedExists, Some(saga), what);
            }
            Some(stored) => {
                // One that was lost keeps its id; its own key is not known, unless somebody asks for it again.
                if *key == found_key(saga) {
                    continue;
                }
                let lost_at = stored.lost_at();
                let row_says = u64::try_from(stored.row.started_at_us / 1000).unwrap_or_default();
                let started = lost_at.unwrap_or(row_says);
                let derived = SagaId::derive(started, &row.tenant, &row.definition, key);
                if derived.to_string() != saga || stored.row.tenant != row.tenant {
                    let what = format!("{key} of {} gives {derived}", row.tenant);
                    found.report(Rule::IdIsDerived, Some(saga), what);
                }
            }
        }
    }
    for id in case.world.sagas.keys() {
        if !keyed.contains(id.as_str()) {
            found.report(Rule::NoPhantom, Some(id), "a saga without a key");
        }
    }
    for id in &case.world.strays {
        found.report(
            Rule::NoPhantom,
            None,
            format!("a journal without a saga: {id}"),
        );
    }
}

fn clients(case: &Case<'_>, found: &mut Findings) {
    let mut by_key: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in &case.world.keys {
        by_key.entry(&row.key).or_default().push(&row.saga_id);
        let asked = case.world.history.wishes.contains_key(&row.key);
        if !asked && row.key != found_key(&row.saga_id) {
            let what = format!("nobody asked for {}", row.key);
            found.report(Rule::NoPhantom, Some(&row.saga_id), what);
        }
    }
    for wish in case.world.history.wishes.values() {
        let stored = by_key.get(wish.key.as_str()).map_or(&[][..], Vec::as_slice);
        one_saga(wish, stored, found);
        if let &[saga] = stored {
            same_input(case, wish, saga, found);
        }
    }
}

/// The key of a saga that was lost and made anew, by an operator's order.
fn found_key(saga: &str) -> String {
    let id = saga.parse::<SagaId>();
    id.map_or_else(|_| String::new(), impresario_orchestrator::orphans::key_of)
}

fn one_saga(wish: &Wish, stored: &[&str], found: &mut Findings) {
    let key = &wish.key;
    let told = wish.sagas.first().map(String::as_str);
    if wish.sagas.len() > 1 || stored.len() > 1 {
        let what = format!("{key} was told {:?} and has {stored:?}", wish.sagas);
        found.report(Rule::OneSagaAKey, stored.first().copied().or(told), what);
    } else if wish.acknowledged && stored.is_empty() {
        let what = format!("{key} is not there");
        found.report(Rule::AcknowledgedExists, told, what);
    } else if let (Some(told), Some(stored)) = (told, stored.first())
        && told != *stored
    {
        let what = format!("{key} was told {told}");
        found.report(Rule::OneSagaAKey, Some(stored), what);
    }
}

/// The journal begins with what the client sent.
fn same_input(case: &Case<'_>, wish: &Wish, id: &str, found: &mut Findings) {
    let Some(saga) = case.world.sagas.get(id) else {
        return;
    };
    // Of one that was lost only a part can be told.
    if saga.lost_at().is_some() {
        return;
    }
    let kept = saga
        .events()
        .any(|event| matches!(event, Event::Started { input, .. } if **input == wish.body));
    if !kept {
        found.report(
            Rule::InputIsKept,
            Some(id),
            format!("{} was asked for", wish.body),
        );
    }
}
