//! One saga on the bench: inputs go in as verbs, what they meant comes out as words.
//!
//! A verb answers with one line for each new fact, or with `ignored: …` or `refused: …`; so a test reads as
//! question and answer. The bench keeps the journal, everything that was sent, and the store's wake-up.

pub(crate) mod definitions;
pub(crate) mod laws;
pub(crate) mod outcomes;
pub(crate) mod words;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use impresario_workflows::saga::{
    Command, Dispatch, Event, Input, Message, Migration, Moment, Operation, Outcome, Report,
    Served, Stamp, Start, State, Status, StepResult, Verdict, decide,
};
use impresario_workflows::{Definition, Millis};
use serde_json::{Value, json};

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60 * SECOND;

/// When every story begins.
pub(crate) const BEGINNING: Millis = 1_800_000_000_000;

/// A saga, its journal, and the clock.
pub(crate) struct Bench {
    pub(crate) definition: Definition,
    pub(crate) state: State,
    pub(crate) now: Millis,
    /// The facts of each commit.
    pub(crate) rows: Vec<Vec<Event>>,
    /// Every task that was ever sent.
    pub(crate) sent: Vec<Dispatch>,
    /// What the parent was told.
    pub(crate) reports: Vec<Report>,
    /// What the store holds as `wake_at`.
    pub(crate) stored_wake: Option<Millis>,
    pools: BTreeSet<String>,
    never_served: BTreeSet<String>,
    served_until: BTreeMap<String, Millis>,
    read_until: Option<Millis>,
    stamps: usize,
}

impl Bench {
    /// A saga of `definition` that nobody has started.
    pub(crate) fn unborn(definition: Definition) -> Bench {
        Bench {
            state: State::unborn("00000000-0000-8000-8000-000000000001", &definition),
            now: BEGINNING,
            rows: Vec::new(),
            sent: Vec::new(),
            reports: Vec::new(),
            stored_wake: None,
            pools: definitions::pools(&definition),
            never_served: BTreeSet::new(),
            served_until: BTreeMap::new(),
            read_until: None,
            stamps: 0,
            definition,
        }
    }

    /// A started saga.
    pub(crate) fn started(definition: Definition) -> Bench {
        Bench::started_with(definition, json!({ "seats": 2, "vip": true }))
    }

    /// A saga started with `input`.
    pub(crate) fn started_with(definition: Definition, input: Value) -> Bench {
        let mut bench = Bench::unborn(definition);
        bench.put(start(input));
        bench
    }

    /// Decides and, if there is news, commits. Every decision must keep the laws.
    pub(crate) fn put(&mut self, input: Input) -> Vec<String> {
        let moment = Moment {
            now: self.now,
            jitter_permille: 1000,
        };
        let decision = match decide(&self.definition, &self.state, &input, moment) {
            Ok(decision) => decision,
            Err(refusal) => return vec![format!("refused: {refusal}")],
        };
        laws::hold(&self.definition, &self.state, &input, &decision);
        if !decision.meaning.is_news() {
            return vec![format!("ignored: {}", words::meaning(decision.meaning))];
        }
        if let Input::Migrate(migration) = input {
            self.pools = definitions::pools(&migration.to);
            self.definition = (*migration.to).clone();
        }
        let lines = decision.events.iter().map(words::event).collect();
        self.state = decision.next;
        self.sent.extend(
            decision
                .commands
                .into_iter()
                .filter_map(|command| match command {
                    Command::Dispatch(task) => Some(task),
                    Command::Report(report) => {
                        self.reports.push(report);
                        None
                    }
                }),
        );
        self.store_wake(&decision.events);
        self.rows.push(decision.events);
        lines
    }

    /// As the store does it: pulled in when needed earlier, written anew when it is past or moved.
    fn store_wake(&mut self, events: &[Event]) {
        let next = self.state.next_wake(&self.definition);
        let past = self.stored_wake.is_none_or(|stored| stored <= self.now);
        let moved = events
            .iter()
            .any(|event| matches!(event, Event::WakeMoved { .. }));
        let earlier = next.is_some_and(|next| self.stored_wake.is_some_and(|stored| next < stored));
        if past || moved || earlier {
            self.stored_wake = next;
        }
    }

    /// An answer to what is open for `step` at present.
    pub(crate) fn answer(&mut self, step: &str, outcome: Outcome) -> Vec<String> {
        let index = self
            .state
            .unit(&self.definition, step)
            .expect("a unit of the saga");
        let (operation, attempt) = self
            .state
            .open_work()
            .find(|(open, _, _)| *open == index)
            .map(|(_, operation, work)| (operation, work.attempt))
            .unwrap_or_else(|| panic!("nothing is open for `{step}`"));
        self.late(step, operation, attempt, outcome)
    }

    /// An answer to a named attempt of the present generation, whatever is open.
    pub(crate) fn late(
        &mut self,
        step: &str,
        operation: Operation,
        attempt: u32,
        outcome: Outcome,
    ) -> Vec<String> {
        let index = self
            .state
            .unit(&self.definition, step)
            .expect("a unit of the saga");
        let generation = self.state.steps[index].generation;
        let step = step.to_owned();
        self.put(Input::Result(StepResult {
            step,
            operation,
            generation,
            attempt,
            outcome,
        }))
    }

    /// Everything that is out is answered well, until `step` is out itself.
    pub(crate) fn until_out(&mut self, step: &str) -> &mut Bench {
        for _ in 0..64 {
            let open: Vec<String> = self
                .state
                .open_work()
                .map(|(index, _, _)| self.state.unit_name(&self.definition, index))
                .collect();
            if open.iter().any(|id| id == step) {
                return self;
            }
            let first = open.first().expect("something is out").clone();
            self.answer(&first, outcomes::succeeded());
        }
        panic!("`{step}` never went out");
    }

    /// Time goes by, then somebody looks.
    pub(crate) fn passes(&mut self, span: Millis) -> Vec<String> {
        self.now += span;
        self.looks()
    }

    /// Time goes by until the saga's own wake-up.
    pub(crate) fn wakes(&mut self) -> Vec<String> {
        let due = self
            .state
            .next_wake(&self.definition)
            .expect("something is due by itself");
        self.now = self.now.max(due);
        self.looks()
    }

    /// Somebody looks what is due.
    pub(crate) fn looks(&mut self) -> Vec<String> {
        self.put(Input::Timer(self.served()))
    }

    fn served(&self) -> Served {
        let at = |pool: &String| {
            let at = self.served_until.get(pool).copied().unwrap_or(self.now);
            (!self.never_served.contains(pool)).then(|| (pool.clone(), at))
        };
        Served {
            results_read_until: self.read_until.unwrap_or(self.now),
            drained_at: self.pools.iter().filter_map(at).collect(),
            stored_wake: self.stored_wake,
        }
    }

    /// No worker of `pool` was ever seen.
    pub(crate) fn without_pool(mut self, pool: &str) -> Bench {
        self.never_served.insert(pool.to_owned());
        self
    }

    /// The workers of `pool` go; what was sent before was taken.
    pub(crate) fn pool_goes(&mut self, pool: &str) {
        self.served_until.insert(pool.to_owned(), self.now - 1);
    }

    /// The workers of every pool are there (again).
    pub(crate) fn pools_are_back(&mut self) {
        self.never_served.clear();
        self.served_until.clear();
    }

    /// From now on nobody reads the saga's results.
    pub(crate) fn results_pile_up(&mut self) {
        self.read_until = Some(self.now);
    }

    /// Results are read again, all that were there.
    pub(crate) fn results_are_read(&mut self) {
        self.read_until = None;
    }

    pub(crate) fn cancel(&mut self) -> Vec<String> {
        let stamp = self.stamp();
        self.put(Input::Cancel(stamp))
    }

    pub(crate) fn retry(&mut self) -> Vec<String> {
        let stamp = self.stamp();
        self.put(Input::Retry { step: None, stamp })
    }

    pub(crate) fn retry_step(&mut self, step: &str) -> Vec<String> {
        let stamp = self.stamp();
        self.put(Input::Retry {
            step: Some(step.to_owned()),
            stamp,
        })
    }

    /// An operator lets it go on under another version.
    pub(crate) fn migrate(&mut self, to: &Definition) -> Vec<String> {
        let stamp = self.stamp();
        let to = Arc::new(to.clone());
        self.put(Input::Migrate(Migration { to, stamp }))
    }

    /// Something happened outside.
    pub(crate) fn signal(&mut self, name: &str, payload: Value) -> Vec<String> {
        let key = self.stamp().key;
        let name = name.to_owned();
        self.put(Input::Signal(Message { key, name, payload }))
    }

    /// A person with `role` decides.
    pub(crate) fn decides(&mut self, step: &str, approved: bool, role: &str) -> Vec<String> {
        let stamp = self.stamp();
        self.put(Input::Decide(Verdict {
            step: step.to_owned(),
            approved,
            roles: vec![role.to_owned()],
            stamp,
        }))
    }

    pub(crate) fn redispatch(&mut self) -> Vec<String> {
        self.put(Input::Redispatch { pool: None })
    }

    pub(crate) fn engine_fault(&mut self) -> Vec<String> {
        self.put(Input::EngineFault(outcomes::problem("engine_error")))
    }

    /// A command's stamp that was not used before.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.stamps += 1;
        stamp(&format!("command-{}", self.stamps))
    }

    pub(crate) fn status(&self) -> Status {
        self.state.status(&self.definition)
    }

    pub(crate) fn wake(&self) -> Option<Millis> {
        self.state
            .next_wake(&self.definition)
            .map(|at| at.saturating_sub(BEGINNING))
    }

    /// The last task that was sent.
    pub(crate) fn last_sent(&self) -> &Dispatch {
        self.sent.last().expect("something was sent")
    }
}

/// The stamp with this key.
pub(crate) fn stamp(key: &str) -> Stamp {
    Stamp {
        key: key.to_owned(),
        by: "ana".to_owned(),
        reason: "asked for".to_owned(),
    }
}

/// A start.
pub(crate) fn start(input: Value) -> Input {
    Input::Start(Start::with(input))
}
