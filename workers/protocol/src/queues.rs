//! The names of queues and exchanges, all behind one prefix.
//!
//! Everybody of one platform (its engines and its workers) uses the same prefix. Two platforms, which is to say two
//! databases, on one virtual host need two: with one they would take each other's tasks and results.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The prefix when nobody says another.
const USUAL: &str = "impresario";

/// Queue names are at most 255 bytes, and the pool's name has to fit behind it.
const PREFIX_MAX: usize = 64;

/// Names behind one prefix; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    prefix: Arc<str>,
}

impl Queues {
    /// The queue from which the workers of a pool take their task messages.
    pub fn tasks(&self, pool: &str) -> String {
        format!("{}.tasks.{pool}", self.prefix)
    }

    /// The queue to which the results of the sagas of one partition go.
    pub fn results(&self, partition: u16) -> String {
        format!("{}.results.{partition}", self.prefix)
    }

    /// The fan-out exchange between engines about this.
    pub fn fanout(&self, about: &str) -> String {
        format!("{}.{about}", self.prefix)
    }
}

impl Default for Queues {
    fn default() -> Self {
        Queues {
            prefix: Arc::from(USUAL),
        }
    }
}

impl fmt::Display for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}

/// A text that is no prefix.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no queue prefix: 1 to {PREFIX_MAX} lower-case letters, digits, `.`, `_` and `-`, not beginning with `amq.`"
)]
pub struct QueuesError(String);

impl FromStr for Queues {
    type Err = QueuesError;

    fn from_str(prefix: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        // The broker keeps `amq.` to itself.
        let good = (1..=PREFIX_MAX).contains(&prefix.len())
            && prefix.bytes().all(plain)
            && !prefix.starts_with("amq.");
        if good {
            Ok(Queues {
                prefix: Arc::from(prefix),
            })
        } else {
            Err(QueuesError(prefix.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_behind_their_prefix() {
        let usual = Queues::default();
        assert_eq!(usual.tasks("payment"), "impresario.tasks.payment");
        assert_eq!(usual.results(3), "impresario.results.3");
        let staging: Queues = "staging-2".parse().unwrap();
        assert_eq!(staging.tasks("payment"), "staging-2.tasks.payment");
        assert_eq!(staging.fanout("lost"), "staging-2.lost");
        assert_eq!(staging.to_string().parse(), Ok(staging));
    }

    #[test]
    fn what_a_broker_or_a_person_would_misread_is_refused() {
        for bad in ["", "Staging", "a b", "ä", "amq.mine", &"x".repeat(65)] {
            assert!(bad.parse::<Queues>().is_err(), "{bad}");
        }
    }
}
