//! A second opinion: the plain model, gone through by stateright, finds at rest what the explorer finds.
//!
//! Two definitions: the smallest one that is shipped, and one of three steps with a pivot that is asked about.

use std::collections::BTreeSet;
use std::sync::Mutex;

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, explore};
use impresario_workflows::saga::Status;
use serde_json::{Value, json};
use stateright::{Checker, Model, Property};

use crate::plain::{Plain, Rest, Switches, World, of_the_explorer};

/// The plain model, and what was found.
struct Opinion {
    plain: Plain,
    found: Mutex<BTreeSet<Rest>>,
}

impl Model for Opinion {
    type State = World;
    type Action = World;

    fn init_states(&self) -> Vec<World> {
        vec![self.plain.unborn()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<World>) {
        actions.extend(self.plain.steps(world));
    }

    fn next_state(&self, _: &World, action: World) -> Option<World> {
        Some(action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "what is at rest is noted",
                |opinion: &Opinion, world: &World| {
                    let rest = opinion.plain.rest(world);
                    opinion.found.lock().unwrap().extend(rest);
                    true
                },
            ),
            Property::always(
                "nothing is left of what was undone",
                |opinion: &Opinion, world: &World| {
                    let status = opinion.plain.engine.status(world.saga);
                    status != Status::Compensated
                        || world.there().all(|unit| opinion.may_stay(unit))
                },
            ),
        ]
    }
}

impl Opinion {
    /// Whether the definition says that it need not be undone.
    fn may_stay(&self, unit: usize) -> bool {
        use impresario_workflows::definition::Undo;
        match self.plain.engine.definition.steps[unit].undo {
            Undo::Nothing { .. } | Undo::Readonly => true,
            Undo::Compensate(_) | Undo::OnlyForward => false,
        }
    }
}

fn agree(text: &str, input: Value) {
    let definition = Definition::parse("test", text).unwrap();
    let explored = of_the_explorer(&explore(&definition, Limits::default()));
    let opinion = Opinion {
        plain: Plain::new(definition, input, Switches::FEW),
        found: Mutex::default(),
    };
    let checker = opinion.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{} worlds", checker.unique_state_count());
    let found = checker.model().found.lock().unwrap();
    assert_eq!(*found, explored);
}

#[test]
fn about_the_smallest_shipped_definition() {
    agree(
        include_str!("../../sagas/trivial.yaml"),
        json!({ "id": "one" }),
    );
}

#[test]
fn about_three_steps_around_a_pivot() {
    let text = "
saga: three
version: 1
deadline: 15m
steps:
  hold: { task: catalog/hold, compensate: { task: catalog/release, retry: { max_attempts: 1 } } }
  pay:
    task: payment/charge
    needs: [hold]
    pivot: true
    retry: { max_attempts: 1 }
    reconcile: { task: payment/look, retry: { max_attempts: 1 } }
  print: { task: booking/print, needs: [pay], retry: { max_attempts: unlimited } }
";
    agree(text, json!({}));
}
