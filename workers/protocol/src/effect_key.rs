//! The name of one effect in the world, the same over all attempts: the idempotency key everywhere.
//!
//! Text form: `<saga hash>/<step>/<direction>/<generation>`, for example
//! `9f3c0d…/capture/forward/1`. The saga part is the hash part of the saga's id alone (not its start day),
//! so a start that is repeated after a lost database tail meets its own effects.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which way an effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step itself.
    Forward,
    /// Its undoing.
    Compensate,
}

impl Direction {
    /// The word used in keys, journals and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Compensate => "compensate",
        }
    }
}

/// (saga, step, direction, generation); see the module text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectKey {
    /// Hash part of the saga's id, lower-case hexadecimal.
    pub saga: String,
    /// Step id; for an item of a fan-out `step:item`.
    pub step: String,
    /// Forward or compensate.
    pub direction: Direction,
    /// Starts at 1; an operator's retry after a final answer opens the next one.
    pub generation: u32,
}

impl EffectKey {
    /// The key of the same effect in the other direction: what a compensation undoes, or what undoes a step.
    pub fn opposite(&self) -> EffectKey {
        let direction = match self.direction {
            Direction::Forward => Direction::Compensate,
            Direction::Compensate => Direction::Forward,
        };
        EffectKey {
            direction,
            ..self.clone()
        }
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.saga,
            self.step,
            self.direction.as_str(),
            self.generation
        )
    }
}

/// A text that is no effect key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an effect key (saga/step/direction/generation)")]
pub struct EffectKeyError(String);

impl FromStr for EffectKey {
    type Err = EffectKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || EffectKeyError(text.to_owned());
        let mut parts = text.split('/');
        let (Some(saga), Some(step), Some(direction), Some(generation), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(refuse());
        };
        let direction = match direction {
            "forward" => Direction::Forward,
            "compensate" => Direction::Compensate,
            _ => return Err(refuse()),
        };
        let generation: u32 = generation.parse().map_err(|_| refuse())?;
        if saga.is_empty() || step.is_empty() || generation == 0 {
            return Err(refuse());
        }
        Ok(EffectKey {
            saga: saga.to_owned(),
            step: step.to_owned(),
            direction,
            generation,
        })
    }
}

impl Serialize for EffectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EffectKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_survives_a_round_trip() {
        let key = EffectKey {
            saga: "9f3c".into(),
            step: "capture".into(),
            direction: Direction::Forward,
            generation: 2,
        };
        assert_eq!(key.to_string(), "9f3c/capture/forward/2");
        assert_eq!(key.to_string().parse::<EffectKey>().unwrap(), key);
        assert_eq!(key.opposite().to_string(), "9f3c/capture/compensate/2");
        assert_eq!(key.opposite().opposite(), key);
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "a/b/forward",
            "a/b/sideways/1",
            "a/b/forward/0",
            "/b/forward/1",
            "a/b/forward/1/x",
        ] {
            assert!(bad.parse::<EffectKey>().is_err(), "{bad}");
        }
    }
}
