//! What comes from outside becomes an input of its saga: results, starts, commands.

use std::sync::Arc;

use impresario_protocol::TaskResult;
use impresario_workflows::SagaId;
use impresario_workflows::saga::{Input, State, Status};

use super::batch::StartRow;
use super::message::{CommandOrder, CommandWait, Origin, StartOrder, StartWait};
use super::run::Lane;
use super::settle::Delivery;
use super::slot::{Pending, Place, Saga, Slot, StoredRow};
use super::translate;
use crate::broker::Receipt;

impl Lane {
    /// Items of one result message, each for its own saga.
    pub(super) fn results(&mut self, results: Vec<TaskResult>, receipt: Receipt) {
        let known: Vec<(SagaId, TaskResult)> = results
            .into_iter()
            .filter_map(|result| match result.saga.parse() {
                Ok(id) => Some((id, result)),
                Err(_) => {
                    tracing::warn!(
                        saga_id = result.saga,
                        "a result for something that is no saga id"
                    );
                    None
                }
            })
            .collect();
        if known.is_empty() {
            receipt.acknowledge();
            return;
        }
        let delivery = Delivery::new(known.len(), receipt);
        for (id, result) in known {
            let (input, note) = translate::result(result);
            let origin = Origin::Delivery(Arc::clone(&delivery));
            self.consider(
                id,
                Pending {
                    input,
                    origin,
                    note,
                    verified: false,
                },
            );
        }
    }

    /// A start: the saga does not exist, or this process knows it already.
    pub(super) fn start(&mut self, order: StartOrder) {
        let partition = self.partition_for_start(order.id);
        let StartOrder {
            id,
            tenant,
            stored,
            key,
            body_hash,
            begin,
            reply,
        } = order;
        let wait = StartWait {
            tenant: tenant.clone(),
            stored: stored.clone(),
            key: key.clone(),
            body_hash: body_hash.clone(),
            reply,
        };
        let origin = Origin::Start(Box::new(wait));
        let pending = Pending {
            note: begin.name().to_owned(),
            input: begin,
            origin,
            verified: false,
        };
        if self.slots.contains_key(&id) {
            self.consider(id, pending);
            return;
        }
        let saga = Saga {
            state: Arc::new(State::unborn(&id.to_string(), &stored.definition)),
            definition: Arc::clone(&stored.definition),
            tenant: Arc::from(tenant.as_str()),
            partition,
            seq: 0,
            stored: StoredRow {
                status: Status::Running,
                wake_at: None,
            },
            armed: None,
        };
        let row = StartRow {
            tenant,
            definition: stored.definition.name.clone(),
            definition_id: stored.id,
            key,
            body_hash,
            partition,
            business_key: None,
            attributes: None,
        };
        self.slots.insert(
            id,
            Slot {
                place: Place::Idle(Box::new(saga)),
                waiting: Default::default(),
            },
        );
        self.decide_now(id, pending, Some(row));
    }

    /// A start that waited for a saga which the store does not have after all: what was cached was lost, or a twin was
    /// rolled back. So it is the one that starts it.
    pub(super) fn start_after_all(&mut self, id: SagaId, wait: StartWait, begin: Input) {
        let StartWait {
            tenant,
            stored,
            key,
            body_hash,
            reply,
        } = wait;
        self.start(StartOrder {
            id,
            tenant,
            stored,
            key,
            body_hash,
            begin,
            reply,
        });
    }

    /// The starts of one tick share a partition, so that their tasks and results travel in full lists; ticks
    /// rotate. (A partition a batch, with four leased, made four times as many messages.)
    fn partition_for_start(&self, id: SagaId) -> u16 {
        match self.leased.len() {
            // More replicas than partitions: somebody else reads the results, which is as good.
            0 => u16::try_from(id.0.as_u128() % u128::from(self.parts.partitions))
                .unwrap_or_default(),
            leases => self.leased[self.rotation % leases],
        }
    }

    /// A command, a signal, or the undoing of a child.
    pub(super) fn command(&mut self, order: CommandOrder) {
        let CommandOrder {
            id,
            input,
            if_seq,
            reply,
        } = order;
        let note = input.name().to_owned();
        let origin = Origin::Command(Box::new(CommandWait { if_seq, reply }));
        self.consider(
            id,
            Pending {
                input,
                origin,
                note,
                verified: false,
            },
        );
    }
}
