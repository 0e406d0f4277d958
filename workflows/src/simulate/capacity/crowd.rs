//! Many sagas that share workers: a task waits in its pool's queue until a worker is free.
//!
//! Starts come at random, as people do. A task that waited past its `not_after` is answered unstarted, as by a real
//! worker, and silence counts only for a pool whose queue was empty since: the same proofs that the engine asks for.
//! What waits in nobody's queue (child sagas, signals, people's decisions) comes when it comes.
//! The run stops with the last start, so that the load is the same all the time that is counted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::super::dice::Dice;
use super::super::hold::{Hold, HoldWatch};
use super::super::latency::exponential;
use super::super::profile::Profile;
use super::super::random::Random;
use super::super::units::Rate;
use super::pool::{Job, Pool, Taken};
use crate::Millis;
use crate::definition::{Definition, SAGA_POOL};
use crate::rehearse::{
    BEGINNING, Fate, Followed, Letter, Limits, Mail, Micros, Participants, Seat, Task, World, start,
};
use crate::saga::{Input, Refusal, Served, Unfoldable};

/// One saga in so many is not counted, at the beginning: queues fill up first.
const WARM_UP: u64 = 10;

/// How soon a saga is looked at again whose silence does not count yet: as often as the engine probes its queues.
const LOOK_AGAIN: Micros = 250_000;

/// The arrivals have a stream of chances that no saga has.
const ARRIVALS: u64 = u64::MAX;

/// What a crowd is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrowdOptions {
    pub(crate) seed: u64,
    pub(crate) sagas: u64,
    pub(crate) rate: Rate,
}

/// What one pool has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Waits of the tasks that were counted.
    pub(crate) waits: Vec<Micros>,
    /// How long they took, all together.
    pub(crate) worked: Micros,
}

/// One saga in the crowd.
struct Life<'d> {
    seat: Seat<'d>,
    participants: Participants,
    dice: Dice<'d>,
    inputs: u32,
    /// The wake-up that is on its way; others are forgotten.
    wake: Option<Micros>,
}

/// Something that is due; the earlier one first, and of two at one instant the one that was planned first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Micros,
    order: u64,
    place: usize,
}

enum Happening {
    Start,
    Arrives(Job),
    Done(Job),
    /// A child saga of a saga has ended.
    Ended(usize, Task, Fate),
    /// Somebody outside has something to say to a saga.
    News(usize, Input),
    Wake(usize),
}

/// The crowd.
pub(crate) struct Crowd<'d> {
    definition: &'d Definition,
    /// Those of a saga that has not begun.
    dice: Dice<'d>,
    options: CrowdOptions,
    limits: Limits,
    pool_names: Vec<String>,
    pools: Vec<Pool>,
    seen: Vec<Seen>,
    inputs: Vec<Input>,
    arrivals: Random,
    lives: Vec<Option<Life<'d>>>,
    due: BinaryHeap<Reverse<Due>>,
    /// What is due, by the place that its entry names; free places are used again.
    happenings: Vec<Option<Happening>>,
    free: Vec<usize>,
    planned: u64,
    counting_since: Option<Micros>,
}

impl<'d> Crowd<'d> {
    /// `workers` by pool, in the order of [`Definition::pools`].
    pub(crate) fn new(
        definition: &'d Definition,
        profile: &'d Profile,
        holds: &'d [Hold<'d>],
        options: CrowdOptions,
        workers: &[u32],
    ) -> Crowd<'d> {
        Crowd {
            definition,
            dice: Dice::new(definition, profile, HoldWatch::new(holds)),
            options,
            limits: Limits::of(definition),
            pool_names: definition.pools(),
            pools: workers.iter().copied().map(Pool::of).collect(),
            seen: vec![Seen::default(); workers.len()],
            inputs: profile.inputs.iter().cloned().map(start).collect(),
            arrivals: Random::of(options.seed, ARRIVALS),
            lives: Vec::new(),
            due: BinaryHeap::new(),
            happenings: Vec::new(),
            free: Vec::new(),
            planned: 0,
            counting_since: None,
        }
    }

    /// Lets the crowd in; what the pools have seen, and over how long.
    pub(crate) fn run(mut self) -> Result<(Vec<Seen>, Micros), Unfoldable> {
        self.plan(BEGINNING, Happening::Start);
        let mut now = BEGINNING;
        while let Some(Reverse(due)) = self.due.pop() {
            now = due.at;
            self.free.push(due.place);
            match self.happenings[due.place].take() {
                Some(Happening::Start) => {
                    self.starts(now)?;
                    if self.lives.len() as u64 >= self.options.sagas {
                        break;
                    }
                }
                Some(Happening::Arrives(job)) => {
                    let taken = self.pools[job.pool].arrives(job, now);
                    self.taken(taken, now);
                }
                Some(Happening::Done(job)) => self.done(&job, now)?,
                Some(Happening::Ended(saga, task, fate)) => {
                    self.answers(saga, &task, &fate, now)?;
                }
                Some(Happening::News(saga, input)) => self.decides(saga, &input, now)?,
                Some(Happening::Wake(saga)) => self.wakes(saga, now)?,
                None => {}
            }
        }
        let counted = now - self.counting_since.unwrap_or(now);
        Ok((self.seen, counted))
    }

    fn plan(&mut self, at: Micros, happening: Happening) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.happenings.push(None);
            self.happenings.len() - 1
        });
        self.happenings[place] = Some(happening);
        let order = self.planned;
        self.planned += 1;
        self.due.push(Reverse(Due { at, order, place }));
    }

    fn starts(&mut self, now: Micros) -> Result<(), Unfoldable> {
        let number = self.lives.len();
        if number as u64 >= self.options.sagas / WARM_UP {
            self.counting_since.get_or_insert(now);
        }
        let mut dice = self.dice.clone();
        dice.begin(self.options.seed, number as u64, None);
        self.lives.push(Some(Life {
            seat: Seat::new(self.definition),
            participants: Participants::default(),
            dice,
            inputs: 0,
            wake: None,
        }));
        let between = 1_000_000_000 / self.options.rate.per_kilosecond.max(1);
        let next = now + exponential(between, &mut self.arrivals);
        self.plan(next, Happening::Start);
        let input = self.inputs[number % self.inputs.len()].clone();
        self.decides(number, &input, now)
    }

    /// A worker has begun a task.
    fn taken(&mut self, taken: Option<Taken>, now: Micros) {
        let Some(Taken { job, waited }) = taken else {
            return;
        };
        if self.counting_since.is_some() {
            let seen = &mut self.seen[job.pool];
            seen.waits.push(waited);
            seen.worked += job.fate.takes;
        }
        self.plan(now + job.fate.takes, Happening::Done(job));
    }

    fn done(&mut self, job: &Job, now: Micros) -> Result<(), Unfoldable> {
        let next = self.pools[job.pool].frees(now);
        self.taken(next, now);
        self.answers(job.saga, &job.task, &job.fate, now)
    }

    fn answers(
        &mut self,
        saga: usize,
        task: &Task,
        fate: &Fate,
        now: Micros,
    ) -> Result<(), Unfoldable> {
        let Some(life) = &mut self.lives[saga] else {
            return Ok(());
        };
        let output = || life.dice.output(task);
        let outcome = life.participants.serve(task, fate, now, output);
        match outcome.map(|outcome| life.seat.answer(task, outcome)) {
            Some(answer) => self.decides(saga, &answer, now),
            None => Ok(()),
        }
    }

    fn wakes(&mut self, saga: usize, now: Micros) -> Result<(), Unfoldable> {
        match &self.lives[saga] {
            Some(life) if life.wake == Some(now) => {}
            Some(_) | None => return Ok(()),
        }
        let drained_at: BTreeMap<String, Millis> = self
            .pool_names
            .iter()
            .zip(&self.pools)
            .map(|(name, pool)| (name.clone(), pool.drained_at(now)))
            .chain([(SAGA_POOL.to_owned(), Millis::MAX)])
            .collect();
        let look = Input::Timer(Served {
            results_read_until: Millis::MAX,
            drained_at,
            stored_wake: None,
        });
        self.decides(saga, &look, now)
    }

    fn decides(&mut self, saga: usize, input: &Input, now: Micros) -> Result<(), Unfoldable> {
        let Some(life) = &mut self.lives[saga] else {
            return Ok(());
        };
        life.inputs += 1;
        let jitter = life.dice.jitter_permille();
        let Followed { events, commands } = match life.seat.put(input, now, jitter) {
            Ok(followed) => followed,
            Err(Refusal::Unfoldable(error)) => return Err(error),
            Err(
                Refusal::PastPivot { .. }
                | Refusal::MayHaveCompleted
                | Refusal::NothingParked { .. }
                | Refusal::NotParked { .. }
                | Refusal::NoSuchSignal { .. }
                | Refusal::TooManySignals { .. }
                | Refusal::NotWaiting { .. }
                | Refusal::NotAllowed { .. }
                | Refusal::OtherDefinition { .. }
                | Refusal::CameTo { .. }
                | Refusal::NotStarted { .. },
            ) => Followed::default(),
        };
        let mut mail = Mail::default();
        life.dice.told(now, &life.seat, &events, &mut mail);
        let mut children = Vec::new();
        let mut jobs = Vec::with_capacity(commands.len());
        for command in &commands {
            let Some(task) = Task::of(&life.seat.state, command) else {
                continue;
            };
            let fate = life.dice.fate(&task, now, &life.participants);
            if task.child {
                children.push((task, fate));
            } else if let Ok(pool) = self
                .pool_names
                .binary_search_by(|name| name.as_str().cmp(Task::pool(command)))
            {
                jobs.push(Job {
                    saga,
                    pool,
                    task,
                    fate,
                });
            }
        }
        let over =
            life.seat.status().is_final() || self.limits.are_met(&life.seat.state, life.inputs);
        let wake = life
            .seat
            .next_wake()
            .map(|at| if at > now { at } else { now + LOOK_AGAIN });
        let moved = wake.filter(|_| wake != life.wake);
        life.wake = wake;
        if over {
            self.lives[saga] = None;
        }
        if let Some(at) = moved.filter(|_| !over) {
            self.plan(at, Happening::Wake(saga));
        }
        for (at, letter) in mail.drain() {
            match letter {
                Letter::News(input) => self.plan(at, Happening::News(saga, input)),
                Letter::Worked(task, fate) => self.plan(at, Happening::Ended(saga, task, fate)),
            }
        }
        for (task, fate) in children {
            self.plan(
                now + fate.lag + fate.takes,
                Happening::Ended(saga, task, fate),
            );
        }
        for job in jobs {
            self.plan(now + job.fate.lag, Happening::Arrives(job));
        }
        Ok(())
    }
}
