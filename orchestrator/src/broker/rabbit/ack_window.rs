//! Which acknowledgements may be sent now, and in how few frames.
//!
//! Delivery tags of a channel count 1, 2, 3, …, so everything that was not acknowledged here is outstanding,
//! *also a delivery that is still on its way to us*: a tag is covered by `multiple` only when every tag
//! below it was acknowledged. Pure: no channel, no clock.
//!
//! Subtle: RabbitMQ answers an unknown tag with 406 and closes the channel with every delivery on it. A tag
//! is therefore named at most once, and `multiple` names one that was not sent before.

use std::collections::BTreeMap;

/// Acknowledged tags above an outstanding one are held back, so that they can go in one frame when the gap
/// closes. Past this many they go one by one, or one slow delivery would use up the consumers' prefetch.
const HELD_MAX: usize = 16;

/// What is known about an acknowledged tag above the settled ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acked {
    /// Not told to the broker yet.
    Held,
    /// Told to the broker by itself.
    Sent,
}

/// Frames to send, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    /// `basic.ack` with `multiple`, for everything up to this tag.
    pub(super) up_to: Option<u64>,
    /// `basic.ack` for these alone.
    pub(super) single: Vec<u64>,
}

/// The acknowledgements of one channel generation.
#[derive(Debug, Default)]
pub(super) struct AckWindow {
    /// Everything up to this tag was acknowledged, and the broker was told.
    settled: u64,
    /// Acknowledged tags above `settled`.
    acked: BTreeMap<u64, Acked>,
    /// How many of `acked` are held.
    held: usize,
}

impl AckWindow {
    /// The engine acknowledged this delivery. Saying it again changes nothing.
    pub(super) fn acknowledge(&mut self, tag: u64) {
        if tag > self.settled && !self.acked.contains_key(&tag) {
            self.acked.insert(tag, Acked::Held);
            self.held += 1;
        }
    }

    /// What to tell the broker now. With `all`, nothing is held back (the channel is about to close).
    pub(super) fn flush(&mut self, all: bool) -> Frames {
        let mut frames = Frames::default();
        while let Some(entry) = self.acked.first_entry() {
            if *entry.key() != self.settled + 1 {
                break;
            }
            self.settled += 1;
            match entry.remove() {
                Acked::Held => {
                    self.held -= 1;
                    frames.up_to = Some(self.settled);
                }
                Acked::Sent => {}
            }
        }
        if all || self.held > HELD_MAX {
            for (tag, state) in &mut self.acked {
                match state {
                    Acked::Held => {
                        frames.single.push(*tag);
                        *state = Acked::Sent;
                    }
                    Acked::Sent => {}
                }
            }
            self.held = 0;
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_gap_holds_back_what_is_above_it() {
        let mut window = AckWindow::default();
        window.acknowledge(2);
        window.acknowledge(3);
        assert_eq!(window.flush(false), Frames::default());
        window.acknowledge(1);
        assert_eq!(
            window.flush(false),
            Frames {
                up_to: Some(3),
                single: vec![]
            }
        );
        assert_eq!(window.flush(true), Frames::default());
    }

    #[test]
    fn a_slow_delivery_does_not_hold_the_others_for_ever() {
        let mut window = AckWindow::default();
        let others = 2..=HELD_MAX as u64 + 2;
        others.clone().for_each(|tag| window.acknowledge(tag));
        let frames = window.flush(false);
        assert_eq!(
            frames,
            Frames {
                up_to: None,
                single: others.collect()
            }
        );
        window.acknowledge(1);
        // The tags above went by themselves: naming one of them again would be a 406.
        assert_eq!(
            window.flush(false),
            Frames {
                up_to: Some(1),
                single: vec![]
            }
        );
    }

    #[test]
    fn repeated_acknowledgements_are_said_once() {
        let mut window = AckWindow::default();
        window.acknowledge(1);
        window.acknowledge(1);
        assert_eq!(window.flush(false).up_to, Some(1));
        window.acknowledge(1);
        assert_eq!(window.flush(true), Frames::default());
    }

    /// A broker as strict as RabbitMQ: an unknown tag closes the channel.
    #[derive(Default)]
    struct StrictBroker {
        outstanding: BTreeSet<u64>,
    }

    impl StrictBroker {
        fn receive(&mut self, frames: &Frames, allowed: &BTreeSet<u64>) {
            if let Some(tag) = frames.up_to {
                assert!(
                    self.outstanding.contains(&tag),
                    "unknown delivery tag {tag} (multiple)"
                );
                let above = self.outstanding.split_off(&(tag + 1));
                let taken = std::mem::replace(&mut self.outstanding, above);
                assert!(
                    taken.is_subset(allowed),
                    "acknowledged the outstanding {taken:?}"
                );
            }
            for tag in &frames.single {
                assert!(self.outstanding.remove(tag), "unknown delivery tag {tag}");
                assert!(allowed.contains(tag), "acknowledged the outstanding {tag}");
            }
        }
    }

    /// xorshift: random enough for orders of events, the same in every run.
    fn next(seed: &mut u64, below: u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed % below
    }

    #[test]
    fn whatever_the_order_nothing_outstanding_is_ever_acknowledged() {
        for seed in 1..=2_000_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (mut window, mut broker) = (AckWindow::default(), StrictBroker::default());
            let (mut unacked, mut allowed) = (Vec::new(), BTreeSet::new());
            let mut last = 0;
            for _ in 0..200 {
                match next(&mut random, 4) {
                    0 => {
                        // Delivered by the broker; whether we saw it yet makes no difference.
                        last += 1;
                        broker.outstanding.insert(last);
                        unacked.push(last);
                    }
                    1 | 2 if !unacked.is_empty() => {
                        let reach = (unacked.len() as u64).min(1 + next(&mut random, 40));
                        let tag = unacked.remove(next(&mut random, reach) as usize);
                        allowed.insert(tag);
                        window.acknowledge(tag);
                    }
                    _ => {
                        let all = next(&mut random, 8) == 0;
                        broker.receive(&window.flush(all), &allowed);
                    }
                }
            }
            unacked.iter().for_each(|tag| {
                allowed.insert(*tag);
                window.acknowledge(*tag);
            });
            broker.receive(&window.flush(true), &allowed);
            assert!(
                broker.outstanding.is_empty(),
                "seed {seed} left {:?}",
                broker.outstanding
            );
        }
    }
}
