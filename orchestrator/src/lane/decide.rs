//! Inputs to decisions: which saga, may it decide now, what did it decide.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use impresario_metrics::table::{ENGINE_FAULTS, RESULTS_ORPHANED};
use impresario_workflows::saga::{
    Command, Decision, Ignored, Input, Meaning, Moment, Problem, Refusal, decide,
};
use impresario_workflows::{Millis, SagaId};

use super::batch::{Entry, StartRow, Task};
use super::message::{CommandError, Origin};
use super::run::Lane;
use super::settle::{self, Delivery, Settled, Standing};
use super::slot::{Pending, Place, Saga, Slot};
use super::translate;
use crate::children;
use crate::measure;
use crate::spans::{self, Decided};
use crate::store::Error;
use crate::store::sagas::Loaded;

impl Lane {
    /// Decides an input as soon as its saga may.
    pub(super) fn consider(&mut self, id: SagaId, pending: Pending) {
        match self.slots.get_mut(&id) {
            None => {
                let mut slot = Slot::loading();
                slot.waiting.push_back(Pending {
                    verified: true,
                    ..pending
                });
                self.slots.insert(id, slot);
                self.want_load(id);
            }
            Some(slot) => match slot.place {
                Place::Loading | Place::InFlight(_) => slot.waiting.push_back(pending),
                Place::Idle(_) | Place::InBatch(_) => self.decide_now(id, pending, None),
            },
        }
    }

    /// Decides on the cached state, which is the stored one or what the open batch makes of it.
    pub(super) fn decide_now(&mut self, id: SagaId, mut pending: Pending, start: Option<StartRow>) {
        let now = self.parts.clock.now();
        let moment = Moment {
            now,
            jitter_permille: self.jitter_permille(),
        };
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let (saga, in_batch) = match &mut slot.place {
            Place::Idle(saga) => (saga, false),
            Place::InBatch(saga) => (saga, true),
            Place::Loading | Place::InFlight(_) => {
                slot.waiting.push_back(pending);
                return;
            }
        };
        if let Some(stale) = stale_command(&pending, saga) {
            // A command that names a seq is judged on the stored head: the caller may know more than we do.
            if pending.verified || in_batch {
                if let Origin::Command(wait) = pending.origin {
                    settle::answer(wait.reply, Err(stale));
                }
            } else {
                self.verify(id, pending);
            }
            return;
        }
        if let Input::Timer(served) = &mut pending.input {
            *served = self.proofs.served(saga.partition, saga.stored.wake_at);
        }
        match decide_caught(saga, &pending.input, moment) {
            Ok(decision) if decision.meaning.is_news() => {
                self.take_decision(id, pending, decision, now, start);
            }
            Ok(Decision {
                meaning: Meaning::Ignored(why),
                ..
            }) => self.ignored(id, pending, why, in_batch),
            Ok(Decision {
                meaning: Meaning::News,
                ..
            }) => {}
            Err(Refusal::Unfoldable(error)) => self.faulty(id, pending, &error.to_string()),
            Err(refusal) => self.refused(id, pending, refusal, in_batch),
        }
    }

    /// News: the state moves on, and the batch carries what happened.
    fn take_decision(
        &mut self,
        id: SagaId,
        pending: Pending,
        decision: Decision,
        now: Millis,
        start: Option<StartRow>,
    ) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let mut saga = match std::mem::replace(&mut slot.place, Place::Loading) {
            Place::Idle(saga) | Place::InBatch(saga) | Place::InFlight(saga) => saga,
            Place::Loading => return,
        };
        let before = std::mem::replace(&mut saga.state, Arc::new(decision.next));
        let entry = self
            .open
            .entry(id)
            .or_insert_with(|| Box::new(Entry::new(&saga, now)));
        measure::observe(
            &saga.definition,
            &before,
            &pending.input,
            &decision.events,
            &saga.state,
            now,
            &mut entry.samples,
        );
        if self.tells && saga.state.traceparent.is_some() {
            let decided = Decided {
                definition: &saga.definition,
                before: &before,
                input: &pending.input,
                next: &saga.state,
                ahead_ms: self.parts.clock.ahead_ms(),
            };
            spans::decided(&decided, &mut entry.spans);
        }
        if let Some(mut row) = start {
            describe_start(&saga, &mut row);
            entry.start = Some(row);
        }
        if let Input::Migrate(migration) = &pending.input {
            saga.definition = Arc::clone(&migration.to);
            entry.definition_id = self.parts.catalogue.row_of(&migration.to.hash);
        }
        for command in decision.commands {
            let (pool, encoded) = match command {
                Command::Dispatch(dispatch) => {
                    let body = translate::task(id, &saga, &dispatch);
                    (dispatch.pool, body)
                }
                Command::Report(report) => {
                    (children::REPORTS.to_owned(), translate::report(report))
                }
            };
            match encoded {
                Ok(body) => entry.tasks.push(Task {
                    pool,
                    partition: saga.partition,
                    body,
                }),
                Err(error) => tracing::error!(saga_id = %id, %error, "cannot encode a task"),
            }
        }
        entry.events.extend(decision.events);
        entry.notes.push(pending.note.clone());
        entry
            .inputs
            .push((pending, Settled::Done { changed: true }));
        entry.wanted = saga.row_wanted(entry.seq, now);
        saga.seq = entry.seq;
        slot.place = Place::InBatch(saga);
    }

    /// Nothing follows. That is believed only on the stored head: in the batch it is what the batch will make
    /// of it, otherwise the saga is read again first. The clock asks again by itself.
    fn ignored(&mut self, id: SagaId, pending: Pending, why: Ignored, in_batch: bool) {
        if let Origin::Engine = pending.origin {
            self.rearm(id);
            return;
        }
        self.meters.repeated();
        if in_batch {
            self.join_batch(id, pending, Settled::Done { changed: false });
        } else if pending.verified {
            tracing::trace!(saga_id = %id, ?why, note = pending.note, "nothing follows");
            self.settle_now(id, pending.origin, Settled::Done { changed: false });
        } else {
            self.verify(id, pending);
        }
    }

    fn refused(&mut self, id: SagaId, pending: Pending, refusal: Refusal, in_batch: bool) {
        if in_batch {
            self.join_batch(id, pending, Settled::Refused(refusal));
        } else if pending.verified {
            self.settle_now(id, pending.origin, Settled::Refused(refusal));
        } else {
            self.verify(id, pending);
        }
    }

    fn join_batch(&mut self, id: SagaId, pending: Pending, settled: Settled) {
        if let Some(entry) = self.open.get_mut(&id) {
            entry.inputs.push((pending, settled));
        }
    }

    /// Reads the saga again before an answer that writes nothing is believed.
    fn verify(&mut self, id: SagaId, pending: Pending) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.place = Place::Loading;
            slot.waiting.push_front(Pending {
                verified: true,
                ..pending
            });
            self.want_load(id);
        }
    }

    fn settle_now(&mut self, id: SagaId, origin: Origin, settled: Settled) {
        let Some(slot) = self.slots.get(&id) else {
            return;
        };
        let (Place::Idle(saga) | Place::InBatch(saga) | Place::InFlight(saga)) = &slot.place else {
            return;
        };
        let standing = Standing {
            saga: id,
            status: saga.status(),
            seq: saga.seq,
        };
        let ended = standing.status.is_final() && slot.waiting.is_empty();
        if let Some(receipt) = settle::settle(origin, settled, standing, &self.parts.database.pool)
        {
            receipt.acknowledge();
        }
        if ended && matches!(slot.place, Place::Idle(_)) {
            self.slots.remove(&id);
        }
    }

    /// `decide` erred or panicked: this saga is set aside, its neighbours go on.
    fn faulty(&mut self, id: SagaId, pending: Pending, why: &str) {
        tracing::error!(saga_id = %id, why, "cannot decide; setting the saga aside");
        ENGINE_FAULTS.add(1);
        if matches!(pending.input, Input::EngineFault(_)) {
            settle::fail(pending.origin, why);
            return;
        }
        let input = Input::EngineFault(Problem::new("engine_error", why));
        self.decide_now(id, Pending { input, ..pending }, None);
    }

    /// A saga was read: what waits for it is decided.
    pub(super) fn place_loaded(&mut self, id: SagaId, found: Option<Result<Loaded, Error>>) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        match found {
            Some(Ok(loaded)) => {
                slot.place = Place::Idle(Box::new(Saga::from_store(loaded)));
                self.go_on(id);
            }
            Some(Err(error)) => {
                // Written by a newer binary, perhaps: left to replicas that can read it, unacknowledged.
                tracing::error!(saga_id = %id, error = %error, "this binary cannot read the saga; leaving it to others");
                if let Some(slot) = self.slots.remove(&id) {
                    slot.waiting
                        .into_iter()
                        .for_each(|pending| settle::fail(pending.origin, "unreadable"));
                }
            }
            None => {
                let Some(slot) = self.slots.remove(&id) else {
                    return;
                };
                for pending in slot.waiting {
                    // One that waited here may have started it.
                    if self.slots.contains_key(&id) {
                        self.consider(id, pending);
                    } else {
                        self.unknown_saga(id, pending);
                    }
                }
            }
        }
    }

    /// News about a saga that the store does not have: a lost tail, or a forgery. It is told, not repeated.
    fn unknown_saga(&mut self, id: SagaId, pending: Pending) {
        match pending.origin {
            Origin::Delivery(delivery) => {
                tracing::warn!(saga_id = %id, note = pending.note, "a result for a saga that does not exist");
                RESULTS_ORPHANED.add(1);
                Delivery::drop_item(&delivery);
            }
            Origin::Command(wait) => settle::answer(wait.reply, Err(CommandError::NotFound(id))),
            Origin::Start(wait) => self.start_after_all(id, *wait, pending.input),
            Origin::Engine => {}
        }
    }

    /// Decides what waits for a saga, as far as it may.
    pub(super) fn go_on(&mut self, id: SagaId) {
        while let Some(slot) = self.slots.get_mut(&id) {
            match slot.place {
                Place::Loading | Place::InFlight(_) => return,
                Place::Idle(_) | Place::InBatch(_) => {}
            }
            let Some(pending) = slot.waiting.pop_front() else {
                break;
            };
            self.decide_now(id, pending, None);
        }
        self.rearm(id);
    }
}

fn stale_command(pending: &Pending, saga: &Saga) -> Option<CommandError> {
    let Origin::Command(wait) = &pending.origin else {
        return None;
    };
    let expected = wait.if_seq?;
    let stamped = match &pending.input {
        Input::Cancel(stamp) | Input::Undo(stamp) | Input::Retry { stamp, .. } => {
            saga.state.stamps.contains(&stamp.key)
        }
        Input::Signal(message) => saga.state.stamps.contains(&message.key),
        Input::Decide(verdict) => saga.state.stamps.contains(&verdict.stamp.key),
        Input::Migrate(migration) => saga.state.stamps.contains(&migration.stamp.key),
        Input::Start(_)
        | Input::Found(_)
        | Input::Result(_)
        | Input::Timer(_)
        | Input::Redispatch { .. }
        | Input::EngineFault(_) => false,
    };
    // A repeated command has moved the seq itself.
    (expected != saga.seq && !stamped).then_some(CommandError::Stale {
        expected,
        now: saga.seq,
    })
}

/// The columns that the definition makes of the start's input. What cannot be made is left out: they are for
/// finding a saga, not for running it.
fn describe_start(saga: &Saga, row: &mut StartRow) {
    let described = saga.state.describe(&saga.definition);
    row.business_key = described.key;
    row.attributes = (!described.attributes.is_empty())
        .then(|| serde_json::to_string(&described.attributes).unwrap_or_default());
}

fn decide_caught(saga: &Saga, input: &Input, moment: Moment) -> Result<Decision, Refusal> {
    catch_unwind(AssertUnwindSafe(|| {
        decide(&saga.definition, &saga.state, input, moment)
    }))
    .unwrap_or_else(|_| {
        Err(Refusal::Unfoldable(
            impresario_workflows::saga::Unfoldable::NoStep {
                definition: saga.definition.name.clone(),
                step: "a panic while deciding".to_owned(),
            },
        ))
    })
}
