//! The world of a simulation: a profile, and chance.
//!
//! What happens to a task is drawn when it is sent, from the saga's own stream. Whether a step is broken for a saga
//! is drawn once: an outage does not ask again for each attempt.

use serde_json::Value;

use super::hold::HoldWatch;
use super::profile::{Chance, Manner, Profile};
use super::random::Random;
use crate::definition::Definition;
use crate::rehearse::{
    Children, Fate, Mail, Micros, Outside, Participants, Plan, Prompter, Says, Seat, Task, World,
    problem,
};
use crate::saga::{Event, Operation, Refusal};

/// One saga's chances.
#[derive(Clone)]
pub(crate) struct Dice<'p> {
    profile: &'p Profile,
    random: Random,
    /// What is planned for this saga whatever the dice say.
    prompter: Option<Prompter<'p>>,
    /// By operation: the steps about which it has been drawn whether they are broken, and those that are.
    drawn: [u64; 3],
    broken: [u64; 3],
    /// Which of a step's outputs this saga gets.
    pick: u64,
    children: Children,
    outside: Outside<'p>,
    pub(crate) holds: HoldWatch<'p>,
}

impl<'p> Dice<'p> {
    pub(crate) fn new(
        definition: &'p Definition,
        profile: &'p Profile,
        holds: HoldWatch<'p>,
    ) -> Dice<'p> {
        Dice {
            profile,
            random: Random::of(0, 0),
            prompter: None,
            drawn: [0; 3],
            broken: [0; 3],
            pick: 0,
            children: Children::default(),
            outside: Outside::of(definition),
            holds,
        }
    }

    /// The next saga.
    pub(crate) fn begin(&mut self, seed: u64, number: u64, plan: Option<&'p Plan>) {
        self.random = Random::of(seed, number);
        self.prompter = plan.map(Prompter::new);
        self.drawn = [0; 3];
        self.broken = [0; 3];
        self.pick = self.random.next();
        self.holds.clear();
        self.children.clear();
        self.outside.clear();
    }

    /// Whether every attempt of this operation fails for this saga.
    fn is_broken(&mut self, task: &Task, manner: &Manner) -> bool {
        let operation = place(task.operation);
        let step = 1 << task.step;
        if self.drawn[operation] & step == 0 {
            self.drawn[operation] |= step;
            if self.random.ppm() < manner.broken {
                self.broken[operation] |= step;
            }
        }
        self.broken[operation] & step != 0
    }

    /// What becomes of one attempt: whether it acts, and what is said.
    fn cast(&mut self, manner: &Manner) -> (bool, Says) {
        let mut rest = self.random.ppm();
        let mut falls = |share| {
            let inside = rest < share;
            rest = rest.saturating_sub(share);
            inside
        };
        if falls(manner.failed) {
            return (false, Says::Failed(problem("failed")));
        }
        let unknown = falls(manner.unknown.share);
        if unknown || falls(manner.lost.share) {
            let chance = if unknown { manner.unknown } else { manner.lost };
            let says = if unknown {
                Says::Unknown(problem("unknown"))
            } else {
                Says::Nothing
            };
            return (self.acts(chance), says);
        }
        if falls(manner.still_open) {
            return (false, Says::StillOpen(problem("still_open")));
        }
        for (code, share) in &manner.rejected {
            if falls(*share) {
                return (false, Says::Rejected(problem(code)));
            }
        }
        (true, Says::Truth)
    }

    fn acts(&mut self, chance: Chance) -> bool {
        self.random.ppm() < chance.acted
    }
}

impl World for Dice<'_> {
    fn fate(&mut self, task: &Task, now: Micros, participants: &Participants) -> Fate {
        if let Some(fate) = self.children.asked_again(task, now) {
            return fate;
        }
        let fate = self.drawn_fate(task, now, participants);
        self.children.begins(task, &fate, now);
        fate
    }

    /// Items get a step's outputs by turns.
    fn output(&mut self, task: &Task) -> Value {
        let outputs = &self.profile.steps[task.step].outputs;
        let turn = self.pick.wrapping_add(task.item.unwrap_or(0) as u64);
        let place = turn % outputs.len().max(1) as u64;
        outputs.get(place as usize).cloned().unwrap_or(Value::Null)
    }

    fn jitter_permille(&mut self) -> u16 {
        self.random.permille()
    }

    fn told(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail) {
        self.holds.told(now, events);
        let (profile, random, prompter) = (self.profile, &mut self.random, &mut self.prompter);
        let pick = self.pick;
        self.outside.told(
            now,
            seat,
            events,
            mail,
            |step| {
                let planned = prompter.as_mut().and_then(|prompter| prompter.coming(step));
                planned.unwrap_or_else(|| profile.steps[step].awaits.draw(random))
            },
            |step| {
                let outputs = &profile.steps[step].outputs;
                outputs.get((pick % outputs.len().max(1) as u64) as usize)
            },
        );
        if let Some(prompter) = &mut self.prompter {
            prompter.told(now, seat, events, mail);
        }
    }

    fn refused(&mut self, _now: Micros, _refusal: &Refusal) {}
}

impl Dice<'_> {
    fn drawn_fate(&mut self, task: &Task, now: Micros, participants: &Participants) -> Fate {
        let profile = self.profile;
        let manner = profile.manner(task.step, task.operation);
        let (lag, takes) = (profile.overhead, manner.latency.draw(&mut self.random));
        let planned = self
            .prompter
            .as_mut()
            .and_then(|prompter| prompter.fate(task));
        let lapsed = match task.operation {
            Operation::Forward => self
                .holds
                .lapsed(task.step, now + lag + takes, participants),
            Operation::Compensate | Operation::Reconcile => None,
        };
        let (acts, says) = if let Some(fate) = planned {
            (fate.acts, fate.says)
        } else if let Some(code) = lapsed {
            (false, Says::Rejected(problem(code)))
        } else if self.is_broken(task, manner) {
            (false, Says::Failed(problem("outage")))
        } else {
            self.cast(manner)
        };
        Fate {
            acts,
            says,
            lag,
            takes,
        }
    }
}

fn place(operation: Operation) -> usize {
    match operation {
        Operation::Forward => 0,
        Operation::Compensate => 1,
        Operation::Reconcile => 2,
    }
}
