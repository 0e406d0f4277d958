//! Random moves: what may happen to a saga, to its messages and to its participants.

use impresario_workflows::Millis;
use impresario_workflows::saga::{Input, Operation, Outcome, StepResult};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::bench::outcomes::{applied, closed, failed, rejected, still_open, succeeded, unknown};
use crate::bench::world::{Mood, World};
use crate::bench::{Bench, SECOND, start};

/// Something happens.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// A worker gets any task that was ever sent (again), and fares like this.
    Serve(Index, Mood),
    /// The newest task goes the way it should.
    ServeNewest(Mood),
    /// Any answer that was ever given arrives (again).
    Deliver(Index),
    /// Time goes by; the pools may be gone, the results unread.
    Passes {
        span: Millis,
        pools: bool,
        read: bool,
    },
    /// Somebody looks when the saga itself wants to be looked at.
    Wakes,
    Cancel,
    Retry(Option<usize>),
    /// The parent undoes it.
    Undo,
    /// A signal with this number in it comes.
    Signal(u8),
    /// A person decides about the first step that waits.
    Decide {
        approved: bool,
        entitled: bool,
    },
    Redispatch,
    EngineFault,
    StartAgain,
    /// An answer that nobody gave.
    Forged(Forged),
}

#[derive(Clone, Debug)]
pub(crate) struct Forged {
    step: usize,
    operation: Operation,
    generation: u32,
    attempt: u32,
    outcome: u8,
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => Just(Mood::Well),
        6 => prop::sample::select(Mood::ALL.to_vec()),
    ]
}

/// What happens when nobody lies.
pub(crate) fn honest() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => mood().prop_map(Move::ServeNewest),
        4 => (any::<Index>(), mood()).prop_map(|(task, mood)| Move::Serve(task, mood)),
        8 => any::<Index>().prop_map(Move::Deliver),
        3 => Just(Move::Wakes),
        3 => (0..12_u64, prop::bool::weighted(0.8), prop::bool::weighted(0.8)).prop_map(
            |(seconds, pools, read)| Move::Passes { span: seconds * SECOND, pools, read }
        ),
        1 => Just(Move::Cancel),
        1 => prop::option::of(0..6_usize).prop_map(Move::Retry),
        1 => prop_oneof![
            3 => (0..3_u8).prop_map(Move::Signal),
            3 => (any::<bool>(), prop::bool::weighted(0.8)).prop_map(
                |(approved, entitled)| Move::Decide { approved, entitled }
            ),
            1 => Just(Move::Undo),
        ],
        1 => Just(Move::Redispatch),
        1 => prop_oneof![9 => Just(Move::StartAgain), 1 => Just(Move::EngineFault)],
    ]
}

/// What happens when somebody does.
pub(crate) fn anything() -> impl Strategy<Value = Move> {
    let operation = prop::sample::select(vec![
        Operation::Forward,
        Operation::Compensate,
        Operation::Reconcile,
    ]);
    let forged = (0..7_usize, operation, 0..4_u32, 0..4_u32, 0..11_u8).prop_map(
        |(step, operation, generation, attempt, outcome)| {
            Move::Forged(Forged {
                step,
                operation,
                generation,
                attempt,
                outcome,
            })
        },
    );
    prop_oneof![3 => honest(), 2 => forged]
}

/// A saga, its participants, and the answers on their way.
pub(crate) struct Life {
    pub(crate) saga: Bench,
    pub(crate) world: World,
    answers: Vec<StepResult>,
}

impl Life {
    pub(crate) fn begun(saga: Bench) -> Life {
        Life {
            saga,
            world: World::default(),
            answers: Vec::new(),
        }
    }

    pub(crate) fn happens(&mut self, next: &Move) {
        match next {
            Move::Serve(task, mood) if !self.saga.sent.is_empty() => {
                self.serve(task.index(self.saga.sent.len()), *mood);
            }
            Move::ServeNewest(mood) if !self.saga.sent.is_empty() => {
                self.serve(self.saga.sent.len() - 1, *mood);
                if let Some(answer) = self.answers.last().cloned() {
                    self.saga.put(Input::Result(answer));
                }
            }
            Move::Deliver(answer) if !self.answers.is_empty() => {
                let answer = self.answers[answer.index(self.answers.len())].clone();
                self.saga.put(Input::Result(answer));
            }
            Move::Serve(..) | Move::ServeNewest(_) | Move::Deliver(_) => {}
            Move::Passes { span, pools, read } => self.passes(*span, *pools, *read),
            Move::Wakes => {
                if self.saga.wake().is_some() {
                    self.saga.wakes();
                }
            }
            Move::Cancel => drop(self.saga.cancel()),
            Move::Retry(None) => drop(self.saga.retry()),
            Move::Retry(Some(step)) => drop(self.saga.retry_step(&format!("s{step}"))),
            Move::Undo => {
                let stamp = self.saga.stamp();
                self.saga.put(Input::Undo(stamp));
            }
            Move::Signal(number) => self.signal(*number),
            Move::Decide { approved, entitled } => {
                let waiting = self.saga.state.waiting().next();
                let step = waiting.map_or(0, |(unit, _)| unit);
                self.decide(format!("s{step}"), *approved, *entitled);
            }
            Move::Redispatch => drop(self.saga.redispatch()),
            Move::EngineFault => drop(self.saga.engine_fault()),
            Move::StartAgain => drop(self.saga.put(start(serde_json::json!({ "go": false })))),
            Move::Forged(forged) => drop(self.saga.put(forged.input())),
        }
    }

    /// Something happened outside.
    pub(crate) fn signal(&mut self, number: u8) {
        self.saga
            .signal("go.on", serde_json::json!({ "n": number }));
    }

    /// A person decides.
    pub(crate) fn decide(&mut self, step: String, approved: bool, entitled: bool) {
        let role = if entitled { "finance" } else { "sales" };
        self.saga.decides(&step, approved, role);
    }

    /// A worker gets the task at `index` of all that were sent; its answer is on its way.
    pub(crate) fn serve(&mut self, index: usize, mood: Mood) {
        let task = self.saga.sent[index].clone();
        self.answers.extend(self.world.serve(&task, mood));
    }

    /// A worker gets the task, and its answer arrives.
    pub(crate) fn serve_well(&mut self, index: usize) {
        self.serve(index, Mood::Well);
        let answer = self.answers.last().expect("who fares well answers").clone();
        self.saga.put(Input::Result(answer));
    }

    fn passes(&mut self, span: Millis, pools: bool, read: bool) {
        self.saga.pools_are_back();
        self.saga.results_are_read();
        if !pools {
            self.saga.pool_goes("pool0");
            self.saga.pool_goes("pool1");
        }
        if !read {
            self.saga.results_pile_up();
        }
        self.saga.passes(span);
        self.saga.pools_are_back();
        self.saga.results_are_read();
    }
}

impl Forged {
    fn input(&self) -> Input {
        let outcome = match self.outcome {
            0 => succeeded(),
            // An output in which nothing is found that later steps read.
            1 => Outcome::Succeeded(serde_json::Value::Null),
            2 => rejected("forged"),
            3 => failed(),
            4 => unknown(),
            5 => Outcome::Refused,
            6 => Outcome::Expired,
            7 => Outcome::Heartbeat,
            8 => applied(),
            9 => closed(),
            _ => still_open(),
        };
        Input::Result(StepResult {
            step: format!("s{}", self.step),
            operation: self.operation,
            generation: self.generation,
            attempt: self.attempt,
            outcome,
        })
    }
}
