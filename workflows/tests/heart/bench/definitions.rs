//! The definitions that the stories are told with.

use std::collections::BTreeSet;

use impresario_workflows::Definition;
use impresario_workflows::definition::Undo;

/// Seat and card can be undone, the capture is the pivot, the ticket follows. Two attempts each, five seconds
/// an attempt, one second before the second one. Each `#step` is where a test says more about a step.
const TRIP: &str = "
saga: trip
version: 1
deadline: 15m
input:
  type: object
  properties:
    seats: { type: integer }
    vip: { type: boolean }
defaults:
  timeout: 5s
  retry: { max_attempts: 2, initial: 1s, max: 8s }
steps:
  seat:
    task: catalog/hold
    compensate: { task: catalog/release, timeout: 5s, retry: { max_attempts: 2, initial: 1s } }
    #seat
  card:
    needs: [seat]
    task: payment/authorize
    compensate: { task: payment/void, timeout: 5s, retry: { max_attempts: 2, initial: 1s } }
    #card
  capture:
    needs: [card]
    task: payment/capture
    pivot: true
    #capture
  ticket:
    needs: [capture]
    task: booking/issue
    #ticket
output: done
customer:
  facts: { seats: \"${{ input.seats }}\" }
";

/// What the pivot does when nothing else is said: it asks.
const ASKS: &str =
    "reconcile: { task: payment/ask, timeout: 5s, retry: { max_attempts: 2, initial: 1s } }";

/// What comes after the pivot goes on without bound.
const GOES_ON: &str = "retry: { max_attempts: unlimited, initial: 1s, max: 8s }";

/// The trip as it stands.
pub(crate) fn trip() -> Definition {
    trip_with(&[])
}

/// The trip, with more said about some of its steps.
pub(crate) fn trip_with(more: &[(&str, &str)]) -> Definition {
    let mut text = TRIP.to_owned();
    for step in ["seat", "card", "capture", "ticket"] {
        let said = more
            .iter()
            .find(|(id, _)| *id == step)
            .map(|(_, lines)| *lines);
        let lines = said.unwrap_or(match step {
            "capture" => ASKS,
            "ticket" => GOES_ON,
            _ => "",
        });
        text = text.replace(&format!("#{step}"), &lines.replace('\n', "\n    "));
    }
    parsed(&text)
}

/// `base`, then `left` and `right` side by side, then `join`; each is undone in one attempt or parks.
pub(crate) fn diamond() -> Definition {
    let step = |id: &str, needs: &str| {
        format!(
            "
  {id}:
    needs: [{needs}]
    task: work/{id}
    compensate: {{ task: work/un{id}, timeout: 5s, retry: {{ max_attempts: 1 }} }}"
        )
    };
    parsed(&format!(
        "
saga: diamond
version: 1
deadline: 15m
defaults:
  timeout: 5s
  retry: {{ max_attempts: 1 }}
steps:{}{}{}{}
",
        step("base", ""),
        step("left", "base"),
        step("right", "base"),
        step("join", "left, right"),
    ))
}

/// The shipped booking.
pub(crate) fn booking() -> Definition {
    parsed(include_str!("../../../sagas/booking.yaml"))
}

/// A definition that must be right.
pub(crate) fn parsed(text: &str) -> Definition {
    Definition::parse("test.yaml", text).unwrap_or_else(|problems| {
        panic!(
            "{}\n{text}",
            impresario_workflows::definition::render(&problems, "test.yaml", text)
        )
    })
}

/// Every pool that a definition knows.
pub(crate) fn pools(definition: &Definition) -> BTreeSet<String> {
    let mut pools = BTreeSet::new();
    for step in &definition.steps {
        pools.extend(step.task().map(|task| task.pool.clone()));
        pools.extend(
            step.reconcile
                .as_ref()
                .map(|reconcile| reconcile.task.pool.clone()),
        );
        if let Undo::Compensate(undo) = &step.undo {
            pools.insert(undo.task.pool.clone());
        }
    }
    pools
}
