//! The production heart over sagas as they are; every saga that was met has a number.
//!
//! Instants do not matter to this model: a wait may be over whenever somebody says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use impresario_workflows::Definition;
use impresario_workflows::saga::{
    Command, Forward, Input, Moment, Operation, Phase, Served, Stamp, Start, State, Status,
    StepResult, StepState, Undoing, Wait, Work, decide,
};
use serde_json::Value;

use super::participant::Said;

const NOW: u64 = 1_000_000_000_000;
const LATER: u64 = 2 * NOW;

/// Number of a saga.
pub(crate) type SagaId = u32;

/// A task on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) unit: usize,
    pub(crate) operation: Operation,
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
}

/// What is put to the heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Start,
    Answer(Task, Said),
    /// The wait of this work is over: an answer was waited for in vain, or the backoff is over.
    Due(usize, Operation),
    /// The same answer or silence, when attempts are not counted: this was the last one, or not.
    Spent(usize, Operation, Option<Said>, bool),
    Deadline,
    Cancel,
    Retry,
}

/// A decision.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) next: SagaId,
    pub(crate) tasks: Vec<Task>,
}

pub(crate) struct Engine {
    pub(crate) definition: Definition,
    input: Value,
    attempts_counted: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    sagas: Vec<Arc<State>>,
    numbers: HashMap<String, SagaId>,
    decided: HashMap<(SagaId, Ask), Option<Decided>>,
    tasks: Vec<Task>,
    answers: Vec<(Task, Said)>,
}

impl Task {
    /// The effect that it is about.
    pub(crate) fn key(self) -> (usize, u32) {
        (self.unit, self.generation)
    }
}

/// The number of a thing in a list, which it is added to when it is new.
fn number_in<T: PartialEq>(list: &mut Vec<T>, thing: T) -> usize {
    let known = list.iter().position(|known| *known == thing);
    known.unwrap_or_else(|| {
        list.push(thing);
        list.len() - 1
    })
}

impl Engine {
    pub(crate) fn new(definition: Definition, input: Value, attempts_counted: bool) -> Engine {
        Engine {
            definition,
            input,
            attempts_counted,
            known: Mutex::default(),
        }
    }

    pub(crate) fn unborn(&self) -> SagaId {
        let unborn = State::unborn("a saga", &self.definition);
        self.number(unborn)
    }

    pub(crate) fn saga(&self, id: SagaId) -> Arc<State> {
        Arc::clone(&self.known.lock().unwrap().sagas[id as usize])
    }

    pub(crate) fn task(&self, number: usize) -> Task {
        self.known.lock().unwrap().tasks[number]
    }

    pub(crate) fn task_number(&self, task: Task) -> usize {
        number_in(&mut self.known.lock().unwrap().tasks, task)
    }

    pub(crate) fn answer(&self, number: usize) -> (Task, Said) {
        self.known.lock().unwrap().answers[number]
    }

    pub(crate) fn answer_number(&self, answer: (Task, Said)) -> usize {
        number_in(&mut self.known.lock().unwrap().answers, answer)
    }

    pub(crate) fn status(&self, id: SagaId) -> Status {
        self.saga(id).status(&self.definition)
    }

    /// What follows; none when the heart refuses or nothing changes.
    pub(crate) fn decide(&self, id: SagaId, ask: Ask) -> Option<Decided> {
        if let Some(known) = self.known.lock().unwrap().decided.get(&(id, ask)) {
            return known.clone();
        }
        let decided = self.anew(id, ask);
        let mut known = self.known.lock().unwrap();
        known.decided.insert((id, ask), decided.clone());
        decided
    }

    fn anew(&self, id: SagaId, ask: Ask) -> Option<Decided> {
        let mut saga = (*self.saga(id)).clone();
        let input = self.input(&mut saga, ask);
        let moment = Moment {
            now: NOW,
            jitter_permille: 0,
        };
        let decision = decide(&self.definition, &saga, &input, moment).ok()?;
        if !decision.meaning.is_news() {
            return None;
        }
        let tasks = decision.commands.iter().filter_map(|command| {
            let Command::Dispatch(task) = command else {
                return None;
            };
            Some(Task {
                unit: task.step,
                operation: task.operation,
                generation: task.generation,
                attempt: if self.attempts_counted {
                    task.attempt
                } else {
                    1
                },
            })
        });
        let tasks = tasks.collect();
        let next = self.number(decision.next);
        Some(Decided { next, tasks })
    }

    fn input(&self, saga: &mut State, ask: Ask) -> Input {
        match ask {
            Ask::Start => Input::Start(Start::with(self.input.clone())),
            Ask::Answer(task, said) => self.result(task, said),
            Ask::Due(unit, operation) => {
                due(work(&mut saga.steps[unit], operation));
                Input::Timer(self.served())
            }
            Ask::Spent(unit, operation, said, last) => {
                let max = self.attempts_max(unit, operation);
                let generation = saga.steps[unit].generation;
                let work = work(&mut saga.steps[unit], operation);
                work.spent = if last { max.unwrap() - 1 } else { 0 };
                match said {
                    Some(said) => {
                        let attempt = work.attempt;
                        let task = Task {
                            unit,
                            operation,
                            generation,
                            attempt,
                        };
                        self.result(task, said)
                    }
                    None => {
                        due(work);
                        Input::Timer(self.served())
                    }
                }
            }
            Ask::Deadline => {
                saga.started_at = 0;
                Input::Timer(self.served())
            }
            Ask::Cancel => Input::Cancel(stamp()),
            Ask::Retry => Input::Retry {
                step: None,
                stamp: stamp(),
            },
        }
    }

    fn result(&self, task: Task, said: Said) -> Input {
        Input::Result(StepResult {
            step: self.definition.steps[task.unit].id.clone(),
            operation: task.operation,
            generation: task.generation,
            attempt: task.attempt,
            outcome: said.outcome(),
        })
    }

    fn served(&self) -> Served {
        Served {
            results_read_until: NOW,
            drained_at: self
                .definition
                .pools()
                .into_iter()
                .map(|pool| (pool, NOW))
                .collect(),
            stored_wake: None,
        }
    }

    /// So many attempts there are.
    pub(crate) fn attempts_max(&self, unit: usize, operation: Operation) -> Option<u32> {
        use impresario_workflows::definition::Undo;
        let step = &self.definition.steps[unit];
        match (operation, &step.reconcile, &step.undo) {
            (Operation::Forward, _, _) => step.retry.attempts_max,
            (Operation::Reconcile, Some(reconcile), _) => reconcile.retry.attempts_max,
            (Operation::Compensate, _, Undo::Compensate(undo)) => undo.retry.attempts_max,
            (operation, _, _) => panic!("`{}` has no {}", step.id, operation.as_str()),
        }
    }

    fn number(&self, mut saga: State) -> SagaId {
        saga.stamps.clear();
        saga.started_at = NOW;
        for step in &mut saga.steps {
            without_instants(step, self.attempts_counted);
        }
        let name = format!("{saga:?}");
        let mut known = self.known.lock().unwrap();
        let fresh = SagaId::try_from(known.sagas.len()).unwrap();
        let number = *known.numbers.entry(name).or_insert(fresh);
        if number == fresh {
            known.sagas.push(Arc::new(saga));
        }
        number
    }
}

fn stamp() -> Stamp {
    Stamp {
        key: "key".to_owned(),
        by: "somebody".to_owned(),
        reason: "so".to_owned(),
    }
}

fn work(step: &mut StepState, operation: Operation) -> &mut Work {
    match (operation, &mut step.forward, &mut step.undoing) {
        (Operation::Compensate, _, Undoing::Open(work)) => work,
        (_, Forward::Open { operation: _, work }, _) => work,
        (operation, _, _) => panic!("no work for {}", operation.as_str()),
    }
}

fn due(work: &mut Work) {
    match &mut work.wait {
        Wait::Answer { sent_at, until } => (*sent_at, *until) = (0, 0),
        Wait::Backoff { until } => *until = 0,
        Wait::Operator { .. } => {}
    }
}

fn without_instants(step: &mut StepState, attempts_counted: bool) {
    let mut work = Vec::new();
    if let Forward::Open {
        operation: _,
        work: open,
    } = &mut step.forward
    {
        work.push(open);
    }
    if let Undoing::Open(open) = &mut step.undoing {
        work.push(open);
    }
    for work in work {
        match &mut work.wait {
            Wait::Answer { sent_at, until } => (*sent_at, *until) = (NOW, LATER),
            Wait::Backoff { until } => *until = LATER,
            Wait::Operator { .. } => {}
        }
        if !attempts_counted {
            (work.attempt, work.spent) = (1, 0);
        }
    }
    if !attempts_counted {
        step.attempts = step.attempts.min(1);
    }
}

/// Whether the saga goes on at all.
pub(crate) fn is_born(saga: &State) -> bool {
    saga.phase != Phase::New
}
