//! Which published messages belong to whom, and what became of them.
//!
//! Pure bookkeeping of the confirm window: several calls of `publish` are in flight at once, each waits for
//! all its own messages. A list is only as good as its worst message.
//!
//! Subtle: the client library hands a *returned* message to whichever confirm comes next, not to its own. So
//! a return is known by its message id, and from the first one on ("clouded") no call is answered until every
//! confirm in flight has come, when all returns must have come too. Should one slip through all the same,
//! the loss of the queue is reported besides, and its tasks are sent again.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::broker::PublishError;

/// What became of one message; worse ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// In its queue.
    Stored,
    /// Returned: no such queue.
    Unroutable,
    /// Refused by the broker.
    Refused,
    /// No word.
    Unconfirmed,
}

/// The answers to one call, list by list.
pub(super) type Answer = Vec<Result<(), PublishError>>;

/// One call of `publish` that is in flight.
#[derive(Debug)]
pub(super) struct Call {
    /// Pool of each list.
    pub(super) pools: Vec<String>,
    /// The list of each message, in the order of publishing.
    pub(super) list_of: Vec<usize>,
    /// When to answer at the latest.
    pub(super) deadline: Instant,
    /// Where to.
    pub(super) reply: oneshot::Sender<Answer>,
}

impl Call {
    /// Answers a call that was never started.
    pub(super) fn refuse(self, reason: &str) {
        let one = |pool| {
            Err(PublishError::Unconfirmed {
                pool,
                reason: reason.to_owned(),
            })
        };
        // The caller may have given up already.
        drop(self.reply.send(self.pools.into_iter().map(one).collect()));
    }
}

#[derive(Debug)]
struct Open {
    call: Call,
    /// By message; none while unanswered.
    verdicts: Vec<Option<Verdict>>,
    missing: usize,
}

/// Calls in flight, by the number of their first message.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: u64,
    open: BTreeMap<u64, Open>,
    /// Open calls of which nothing is missing.
    complete: Vec<u64>,
    returned: HashSet<u64>,
    in_flight: usize,
    clouded: bool,
}

impl Ledger {
    /// Opens a call; its messages are numbered from what this returns.
    pub(super) fn open(&mut self, call: Call) -> u64 {
        let first = self.next;
        let count = call.list_of.len();
        // A call without messages still needs a number of its own.
        self.next += count.max(1) as u64;
        self.in_flight += count;
        if count == 0 {
            self.complete.push(first);
        }
        let verdicts = vec![None; count];
        self.open.insert(
            first,
            Open {
                verdicts,
                missing: count,
                call,
            },
        );
        first
    }

    /// Whether nobody waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Messages published and not yet confirmed.
    #[cfg(test)]
    fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether new calls may start: there is room, and no return waits to be told apart.
    pub(super) fn accepts(&self, in_flight_max: usize) -> bool {
        !self.clouded && self.in_flight < in_flight_max
    }

    /// A message was returned; its own confirm may carry it, or another's.
    pub(super) fn returned(&mut self, message: u64) {
        self.returned.insert(message);
        self.clouded = true;
    }

    /// A confirm came (or the hope for it went).
    pub(super) fn settled(&mut self, message: u64, verdict: Verdict) {
        self.in_flight -= 1;
        let Some((first, open)) = self.open.range_mut(..=message).next_back() else {
            return;
        };
        // Calls that ran out of time are gone, and their late confirms mean nothing to the one before them.
        let Some(slot) = open.verdicts.get_mut((message - first) as usize) else {
            return;
        };
        if slot.replace(verdict).is_none() {
            open.missing -= 1;
            if open.missing == 0 {
                self.complete.push(*first);
            }
        }
    }

    /// When the oldest call must be answered. All calls have the same time to live, so it is the next one but
    /// for the order in which callers came by, which is a matter of microseconds.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open
            .first_key_value()
            .map(|(_, open)| open.call.deadline)
    }

    /// Answers every call that can be answered. Gives the pools whose messages were returned.
    pub(super) fn answer(&mut self) -> HashSet<String> {
        let mut unroutable = HashSet::new();
        if self.clouded && self.in_flight > 0 {
            return unroutable;
        }
        for first in std::mem::take(&mut self.complete) {
            self.close(first, "its channel was lost", &mut unroutable);
        }
        if self.in_flight == 0 {
            self.clouded = false;
            self.returned.clear();
        }
        unroutable
    }

    /// Answers the calls whose time is up, if any; then gives the pools whose messages were returned.
    pub(super) fn expire(&mut self, now: Instant, reason: &str) -> Option<HashSet<String>> {
        let late = |open: &Open| open.call.deadline <= now;
        let late: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| late(open))
            .map(|(first, _)| *first)
            .collect();
        let mut unroutable = HashSet::new();
        for first in &late {
            self.close(*first, reason, &mut unroutable);
        }
        (!late.is_empty()).then_some(unroutable)
    }

    /// The channel is gone: answers everything with what is known.
    pub(super) fn abandon(&mut self, reason: &str) -> HashSet<String> {
        let mut unroutable = HashSet::new();
        while let Some(first) = self.open.keys().next().copied() {
            self.close(first, reason, &mut unroutable);
        }
        *self = Ledger {
            next: self.next,
            ..Ledger::default()
        };
        unroutable
    }

    fn close(&mut self, first: u64, reason: &str, unroutable: &mut HashSet<String>) {
        let Some(Open { call, verdicts, .. }) = self.open.remove(&first) else {
            return;
        };
        let mut worst = vec![Verdict::Stored; call.pools.len()];
        for (index, verdict) in verdicts.into_iter().enumerate() {
            let verdict = match verdict {
                // While clouded a plain confirm may belong to a message whose return went elsewhere.
                Some(Verdict::Stored) if self.returned.contains(&(first + index as u64)) => {
                    Verdict::Unroutable
                }
                Some(Verdict::Stored) if self.clouded && self.in_flight > 0 => Verdict::Unconfirmed,
                Some(known) => known,
                None => Verdict::Unconfirmed,
            };
            let list = call.list_of[index];
            worst[list] = worst[list].max(verdict);
        }
        let answer = |(pool, verdict): (String, Verdict)| match verdict {
            Verdict::Stored => Ok(()),
            Verdict::Unroutable => {
                unroutable.insert(pool.clone());
                Err(PublishError::Unroutable { pool })
            }
            Verdict::Refused => Err(PublishError::Refused { pool }),
            Verdict::Unconfirmed => Err(PublishError::Unconfirmed {
                pool,
                reason: reason.to_owned(),
            }),
        };
        let answers = call.pools.into_iter().zip(worst).map(answer).collect();
        // The caller may have given up; the outbox repeats what it does not know.
        drop(call.reply.send(answers));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A call with one message per list, unless `list_of` says otherwise.
    fn call(pools: &[&str], list_of: &[usize]) -> (Call, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let pools = pools.iter().map(|pool| (*pool).to_owned()).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        (
            Call {
                pools,
                list_of: list_of.to_vec(),
                deadline,
                reply,
            },
            answer,
        )
    }

    fn words(mut answer: oneshot::Receiver<Answer>) -> Vec<&'static str> {
        let word = |result: Result<(), PublishError>| match result {
            Ok(()) => "stored",
            Err(PublishError::Unroutable { .. }) => "unroutable",
            Err(PublishError::Refused { .. }) => "refused",
            Err(PublishError::Unconfirmed { .. }) => "unconfirmed",
        };
        answer.try_recv().unwrap().into_iter().map(word).collect()
    }

    #[test]
    fn a_list_is_as_good_as_its_worst_message() {
        let mut ledger = Ledger::default();
        let (one, answer) = call(&["a", "b", "c"], &[0, 0, 1, 2, 2]);
        let first = ledger.open(one);
        let verdicts = [
            Verdict::Stored,
            Verdict::Refused,
            Verdict::Stored,
            Verdict::Unconfirmed,
            Verdict::Refused,
        ];
        for (index, verdict) in verdicts.into_iter().enumerate() {
            assert!(ledger.answer().is_empty());
            ledger.settled(first + index as u64, verdict);
        }
        ledger.answer();
        assert_eq!(words(answer), ["refused", "stored", "unconfirmed"]);
        assert_eq!(ledger.in_flight(), 0);
    }

    #[test]
    fn a_return_that_came_with_anothers_confirm_finds_its_message() {
        let mut ledger = Ledger::default();
        let (one, first_answer) = call(&["here"], &[0]);
        let (two, mut second_answer) = call(&["gone"], &[0]);
        let (first, second) = (ledger.open(one), ledger.open(two));
        // The confirm of the first carries the return of the second.
        ledger.settled(first, Verdict::Stored);
        ledger.returned(second);
        assert!(ledger.answer().is_empty(), "one confirm is still to come");
        assert!(
            !ledger.accepts(10),
            "no new call until the returns are told apart"
        );
        assert!(second_answer.try_recv().is_err());
        ledger.settled(second, Verdict::Stored);
        assert_eq!(ledger.answer(), HashSet::from(["gone".to_owned()]));
        assert_eq!(
            (words(first_answer), words(second_answer)),
            (vec!["stored"], vec!["unroutable"])
        );
        assert!(ledger.accepts(10));
    }

    #[test]
    fn a_late_confirm_of_an_expired_call_touches_nobody() {
        let mut ledger = Ledger::default();
        let (one, first_answer) = call(&["a"], &[0]);
        let (mut two, second_answer) = call(&["b"], &[0, 0]);
        two.deadline = Instant::now();
        let (first, second) = (ledger.open(one), ledger.open(two));
        assert!(ledger.expire(Instant::now(), "too late").is_some());
        assert_eq!(words(second_answer), ["unconfirmed"]);
        ledger.settled(second + 1, Verdict::Refused);
        ledger.settled(first, Verdict::Stored);
        ledger.answer();
        assert_eq!(words(first_answer), ["stored"]);
        assert_eq!(ledger.in_flight(), 1);
    }

    #[test]
    fn a_lost_channel_answers_everybody() {
        let mut ledger = Ledger::default();
        let (one, answer) = call(&["a", "b"], &[0, 1]);
        let first = ledger.open(one);
        ledger.settled(first, Verdict::Stored);
        ledger.abandon("connection lost");
        assert_eq!(words(answer), ["stored", "unconfirmed"]);
        let (two, _answer) = call(&["a"], &[0]);
        assert_eq!(ledger.open(two), first + 2, "numbers are never used twice");
    }

    #[test]
    fn a_call_without_messages_is_answered_at_once() {
        let mut ledger = Ledger::default();
        let (empty, answer) = call(&[], &[]);
        ledger.open(empty);
        ledger.answer();
        assert!(words(answer).is_empty());
    }
}
