//! One saga, its messages and its participants.

use impresario_workflows::saga::{Operation, Status, Wait};

use super::engine::{Ask, Decided, SagaId, is_born};
use super::participant::{Kept, Said, by_itself, delivered, is_there};
use super::{Plain, Replica};

/// So often an operator retries: each opens as much again.
const RETRIES_MAX: u8 = 1;

/// A world. Messages are bits, by the numbers that the engine gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct World {
    pub(crate) saga: SagaId,
    /// What the other replica has cached.
    cached: Option<SagaId>,
    /// Committed, not yet published.
    outbox: Bits,
    /// Published: may be delivered for ever.
    sent: Bits,
    /// Said: may be delivered for ever.
    said: Bits,
    /// By unit, then by generation.
    kept: [[Kept; GENERATIONS]; UNITS],
    retries: u8,
}

/// Units and generations of a definition that this model can hold.
const UNITS: usize = 4;
const GENERATIONS: usize = 2;

/// A set of numbered messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Bits(u128);

impl Bits {
    fn with(self, number: usize) -> Bits {
        assert!(number < 128, "more messages than this model can hold");
        Bits(self.0 | 1 << number)
    }

    fn without(self, number: usize) -> Bits {
        Bits(self.0 & !(1 << number))
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lowest = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(lowest)
        })
    }
}

impl Plain {
    pub(crate) fn unborn(&self) -> World {
        World {
            saga: self.engine.unborn(),
            cached: None,
            outbox: Bits::default(),
            sent: Bits::default(),
            said: Bits::default(),
            kept: [[Kept::Untouched; GENERATIONS]; UNITS],
            retries: 0,
        }
    }

    /// Everything that may happen next.
    pub(crate) fn steps(&self, world: &World) -> Vec<World> {
        let mut next = Vec::new();
        self.published(world, &mut next);
        self.served(world, &mut next);
        self.time(world, &mut next);
        for ask in self.asks(world, world.saga) {
            if let Some(decided) = self.engine.decide(world.saga, ask) {
                next.push(self.committed(world, ask, &decided));
            }
        }
        self.other_replica(world, &mut next);
        next
    }

    fn published(&self, world: &World, next: &mut Vec<World>) {
        for task in world.outbox.iter() {
            next.push(World {
                outbox: world.outbox.without(task),
                sent: world.sent.with(task),
                ..*world
            });
        }
    }

    fn served(&self, world: &World, next: &mut Vec<World>) {
        for number in world.sent.iter() {
            let task = self.engine.task(number);
            for (kept, said) in delivered(world.kept(task.key()), task.operation) {
                let mut world = world.keeping(task.key(), kept);
                // That nobody knows is like silence, which comes by itself.
                let counted = self.switches.attempts_counted;
                let counts = |said: &Said| said.is_final() || (counted && *said == Said::Failed);
                if let Some(said) = said.filter(counts) {
                    world.said = world.said.with(self.engine.answer_number((task, said)));
                }
                next.push(world);
            }
        }
    }

    fn time(&self, world: &World, next: &mut Vec<World>) {
        for (unit, step) in self.engine.definition.steps.iter().enumerate() {
            let expires = step.expires_ms.is_some() && !self.is_pinned(world, unit);
            for generation in 1..=GENERATIONS as u32 {
                let key = (unit, generation);
                for after in by_itself(world.kept(key), expires) {
                    next.push(world.keeping(key, after));
                }
            }
        }
    }

    /// Whether a step that makes this effect stay has succeeded, in truth.
    fn is_pinned(&self, world: &World, unit: usize) -> bool {
        let steps = self.engine.definition.steps.iter().enumerate();
        steps
            .filter(|(_, step)| step.pins.contains(unit))
            .any(|(pin, _)| world.kept((pin, 1)) == Kept::There)
    }

    /// What may be put to the heart about a saga in this world.
    fn asks(&self, world: &World, saga: SagaId) -> Vec<Ask> {
        let state = self.engine.saga(saga);
        if !is_born(&state) {
            return vec![Ask::Start];
        }
        let answers = world.said.iter().map(|number| self.engine.answer(number));
        let mut asks: Vec<Ask> = answers
            .map(|(task, said)| Ask::Answer(task, said))
            .collect();
        for (unit, operation, work) in state.open_work() {
            match (&work.wait, self.switches.attempts_counted) {
                (Wait::Operator { .. }, _) => {}
                (Wait::Backoff { .. }, _) | (Wait::Answer { .. }, true) => {
                    asks.push(Ask::Due(unit, operation));
                }
                (Wait::Answer { .. }, false) => self.spendings(unit, operation, &mut asks),
            }
        }
        asks.extend([Ask::Deadline, Ask::Cancel]);
        if self.engine.status(saga) == Status::Stuck && world.retries < RETRIES_MAX {
            asks.push(Ask::Retry);
        }
        asks
    }

    fn spendings(&self, unit: usize, operation: Operation, asks: &mut Vec<Ask>) {
        let max = self.engine.attempts_max(unit, operation);
        for last in [false, true] {
            let possible = if last { max.is_some() } else { max != Some(1) };
            for said in [None, Some(Said::Failed), Some(Said::Unknown)] {
                if possible {
                    asks.push(Ask::Spent(unit, operation, said, last));
                }
            }
        }
    }

    fn committed(&self, world: &World, ask: Ask, decided: &Decided) -> World {
        let mut after = World {
            saga: decided.next,
            retries: world.retries + u8::from(ask == Ask::Retry),
            ..*world
        };
        for task in &decided.tasks {
            let number = self.engine.task_number(*task);
            if !self.switches.outbox_apart {
                after.sent = after.sent.with(number);
            } else if world.sent.without(number) == world.sent {
                // What was sent before is on its way already.
                after.outbox = after.outbox.with(number);
            }
        }
        after
    }

    fn other_replica(&self, world: &World, next: &mut Vec<World>) {
        if self.switches.replica == Replica::None {
            return;
        }
        // It looks.
        next.push(World {
            cached: Some(world.saga),
            ..*world
        });
        let Some(cached) = world.cached else { return };
        for ask in self.asks(world, cached) {
            let counts = self.switches.replica == Replica::Unfenced || cached == world.saga;
            if let Some(decided) = self.engine.decide(cached, ask).filter(|_| counts) {
                let mut after = self.committed(world, ask, &decided);
                after.cached = Some(decided.next);
                next.push(after);
            }
        }
    }
}

impl World {
    pub(crate) fn kept(&self, (unit, generation): (usize, u32)) -> Kept {
        self.kept[unit][generation as usize - 1]
    }

    fn keeping(mut self, (unit, generation): (usize, u32), kept: Kept) -> World {
        self.kept[unit][generation as usize - 1] = kept;
        self
    }

    /// Units whose effect is in the world.
    pub(crate) fn there(&self) -> impl Iterator<Item = usize> {
        let there = |unit: &usize| self.kept[*unit].iter().any(|kept| is_there(*kept));
        (0..UNITS).filter(there)
    }
}
