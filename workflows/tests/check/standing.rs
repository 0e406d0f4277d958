//! Exploring from the middle of a saga's life: what is proved from the start is proved from wherever a real life comes
//! by, and what goes wrong only from here on is found.

use std::collections::BTreeMap;

use impresario_workflows::Definition;
use impresario_workflows::check::{Counterexample, Limits, Property, Verdict, explore_from};
use impresario_workflows::saga::{
    Input, Moment, Operation, Outcome, Problem, Stamp, Start, State, StepResult, decide, moved,
    position,
};
use serde_json::{Value, json};

/// A seat that expires unless it is pinned, a charge, a ticket.
const PINNED: &str = "
saga: pinned
version: 1
deadline: 15m
steps:
  hold: { task: catalog/hold, effect: seat, expires: 10m, compensate: { task: catalog/release } }
  pin: { task: catalog/pin, needs: [hold], pins: [hold], compensate: none, reason: releasing undoes it }
  pay: { task: payment/charge, needs: [pin], effect: charge, pivot: true, on_unknown: reconcile, reconcile: { task: payment/find } }
  print: { task: booking/print, needs: [pay], retry: { max_attempts: unlimited } }
invariants:
  - charge implies seat
";

/// Two sides with a join, and items.
const WIDE: &str = "
saga: wide
version: 1
deadline: 15m
input: { type: object, required: [list], properties: { list: { type: array, minItems: 1, items: { type: string } } } }
steps:
  seats: { each: '${{ input.list }}', task: catalog/hold, compensate: { task: catalog/release } }
  note: { task: booking/note, compensate: { task: booking/forget } }
  join: { task: booking/join, needs: [seats, note], retry: { max_attempts: 2 }, compensate: { task: booking/part } }
";

fn parsed(text: &str) -> Definition {
    Definition::parse("test", text).unwrap()
}

fn next_version(text: &str) -> Definition {
    parsed(&text.replace("version: 1", "version: 2"))
}

/// Places that are explored from, of each definition.
const PLACES_TRIED: usize = 16;

/// A life: which answers come in which order is the seed's.
struct Life {
    seed: u64,
    definition: Definition,
    state: State,
    now: u64,
}

impl Life {
    fn begun(definition: &Definition, seed: u64) -> Life {
        Life::over(definition, seed, &["A1", "A2"])
    }

    fn over(definition: &Definition, seed: u64, list: &[&str]) -> Life {
        let mut life = Life {
            seed,
            definition: definition.clone(),
            state: State::unborn("00000000-0000-8000-8000-000000000001", definition),
            now: 1_000_000,
        };
        life.put(Input::Start(Start::with(json!({ "list": list }))));
        life
    }

    fn put(&mut self, input: Input) {
        let moment = Moment {
            now: self.now,
            jitter_permille: 0,
        };
        if let Ok(decision) = decide(&self.definition, &self.state, &input, moment) {
            self.state = decision.next;
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % sides
    }

    /// One thing happens.
    fn goes_on(&mut self) {
        let open: Vec<(String, Operation, u32)> = self
            .state
            .open_work()
            .map(|(unit, operation, work)| {
                (
                    self.state.unit_name(&self.definition, unit),
                    operation,
                    work.attempt,
                )
            })
            .collect();
        let throw = self.dice(10);
        if throw == 0 {
            let stamp = Stamp {
                key: "c".into(),
                by: "a".into(),
                reason: "b".into(),
            };
            return self.put(Input::Cancel(stamp));
        }
        let place = usize::try_from(self.dice(open.len().max(1) as u64)).unwrap();
        let Some((step, operation, attempt)) = open.get(place).cloned() else {
            return;
        };
        let problem = || Problem::new("so", "");
        let outcome = match (throw, operation) {
            (1, Operation::Forward) => Outcome::Rejected(problem()),
            (2..4, _) => Outcome::Unknown(problem()),
            (4..6, Operation::Forward | Operation::Compensate) => Outcome::Failed(problem()),
            (_, Operation::Reconcile) => Outcome::Applied(Value::Null),
            (_, Operation::Forward | Operation::Compensate) => Outcome::Succeeded(Value::Null),
        };
        let generation = 1;
        self.put(Input::Result(StepResult {
            step,
            operation,
            generation,
            attempt,
            outcome,
        }));
        self.now += 100_000;
        self.put(Input::Timer(Default::default()));
    }
}

/// Every place that so many lives come by, with one saga that stands there.
fn places(definition: &Definition, lives: u64) -> BTreeMap<String, State> {
    places_over(definition, lives, &["A1", "A2"])
}

fn places_over(definition: &Definition, lives: u64, list: &[&str]) -> BTreeMap<String, State> {
    let mut found = BTreeMap::new();
    for seed in 0..lives {
        let mut life = Life::over(definition, seed, list);
        for _ in 0..6 * list.len() {
            if life.state.status(definition).is_final() {
                break;
            }
            found
                .entry(position(definition, &life.state))
                .or_insert_with(|| life.state.clone());
            life.goes_on();
        }
    }
    found
}

fn standing(from: &Definition, to: &Definition, state: &State) -> Verdict {
    let stamp = Stamp {
        key: "m".into(),
        by: "a".into(),
        reason: "b".into(),
    };
    let (there, _) = moved(from, to, state, &stamp).unwrap();
    explore_from(to, from, &there, Limits::default()).verdict
}

fn disproved(verdict: Verdict) -> Counterexample {
    match verdict {
        Verdict::Disproved(found) => *found,
        Verdict::Proved | Verdict::NotProved { .. } => panic!("{verdict:?}"),
    }
}

#[test]
fn what_holds_from_the_start_holds_from_wherever_a_life_comes_by() {
    for (text, at_least) in [(PINNED, 20), (WIDE, 40)] {
        let (old, new) = (parsed(text), next_version(text));
        let places = places(&old, 300);
        assert!(places.len() >= at_least, "{} places", places.len());
        // Exploring takes a while: some of them, spread over all.
        for (place, state) in places.iter().step_by(places.len() / PLACES_TRIED + 1) {
            let verdict = standing(&old, &new, state);
            assert!(verdict.is_proved(), "{place}: {verdict:?}");
        }
    }
}

#[test]
fn what_goes_wrong_only_from_here_on_is_found() {
    // Nobody has pinned the seat yet, and the new version does not.
    let careless = parsed(
        &PINNED
            .replace("version: 1", "version: 2")
            .replace("  pin: { task: catalog/pin, needs: [hold], pins: [hold], compensate: none, reason: releasing undoes it }\n", "")
            .replace("needs: [pin]", "needs: [hold]"),
    );
    let old = parsed(PINNED);
    let places = places(&old, 300);
    let found = disproved(standing(&old, &careless, &places["forward: hold open"]));
    assert_eq!(found.property, Property::Invariant);
    let told: Vec<&str> = found
        .story
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    assert!(told.contains(&"hold: lets it expire"), "{told:?}");
    // On its way back there is nothing left to go wrong.
    let back = &places["being undone: hold open, being undone"];
    assert!(standing(&old, &careless, back).is_proved());
}

#[test]
fn an_effect_that_was_made_to_expire_does_whatever_the_new_version_says() {
    let (pin, expires) = (
        "  pin: { task: catalog/pin, needs: [hold], pins: [hold], compensate: none, reason: releasing undoes it }\n",
        "expires: 10m, ",
    );
    let for_good = parsed(
        &PINNED
            .replace("version: 1", "version: 2")
            .replace(pin, "")
            .replace(expires, "")
            .replace("needs: [pin]", "needs: [hold]"),
    );
    let old = parsed(PINNED);
    let places = places(&old, 300);
    let found = disproved(standing(&old, &for_good, &places["forward: hold open"]));
    assert_eq!(found.property, Property::Invariant);
}

/// Seats that expire unless they are pinned, some of which need not be had.
const MANY: &str = "
saga: many
version: 1
deadline: 15m
input: { type: object, required: [list], properties: { list: { type: array, minItems: 1, items: { type: string } } } }
steps:
  seats: { each: '${{ input.list }}', max_parallel: 4, tolerate: 2, task: catalog/hold, effect: seat, expires: 10m, compensate: { task: catalog/release } }
  pin: { each: '${{ input.list }}', needs: [seats], pins: [seats], task: catalog/pin, compensate: none, reason: releasing undoes it }
  pay: { task: payment/charge, needs: [pin], effect: charge, pivot: true, on_unknown: reconcile, reconcile: { task: payment/find } }
invariants:
  - not (charge and not charge)
";

const SEVEN: [&str; 7] = ["1", "2", "3", "4", "5", "6", "7"];

#[test]
fn long_lists_are_explored_with_one_item_of_each_kind_at_least() {
    let (old, new) = (parsed(MANY), next_version(MANY));
    let places = places_over(&old, 200, &SEVEN);
    assert!(places.len() >= 80, "{} places", places.len());
    for (place, state) in places.iter().step_by(places.len() / PLACES_TRIED + 1) {
        let verdict = standing(&old, &new, state);
        assert!(verdict.is_proved(), "{place}: {verdict:?}");
    }
}

#[test]
fn what_only_one_of_many_items_does_is_found() {
    let all = MANY
        .replace("tolerate: 2, ", "")
        .replace("not (charge and not charge)", "charge implies seat");
    let old = parsed(&all);
    // Nobody pins the seats, and the charge may come when they have lapsed.
    let pin = "  pin: { each: '${{ input.list }}', needs: [seats], pins: [seats], task: catalog/pin, compensate: none, reason: releasing undoes it }\n";
    let careless = parsed(
        &all.replace("version: 1", "version: 2")
            .replace(pin, "")
            .replace("needs: [pin]", "needs: [seats]"),
    );
    let places = places_over(&old, 300, &SEVEN);
    let there = |place: &str| &places[place];
    let last = "forward: seats under way, 6 done and 1 open of seats";
    assert!(
        places.contains_key(last),
        "{:?}",
        places.keys().collect::<Vec<_>>()
    );
    let found = disproved(standing(&old, &careless, there(last)));
    assert_eq!(found.property, Property::Invariant);
    assert!(standing(&old, &next_version(&all), there(last)).is_proved());
}

#[test]
fn more_than_may_be_looked_at_is_not_proved() {
    let old = parsed(WIDE);
    let limits = Limits {
        states_max: 10,
        ..Limits::default()
    };
    let begun = Life::begun(&old, 1).state;
    let report = explore_from(&old, &old, &begun, limits);
    assert!(matches!(
        report.verdict,
        Verdict::NotProved { walks: 0, .. }
    ));
}
