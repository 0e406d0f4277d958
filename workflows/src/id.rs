//! The id of a saga: start day, then a hash of (tenant, definition, idempotency key).
//!
//! A UUIDv8: 24 bits of day number (days since 1970-01-01 UTC), then 98 bits of SHA-256, around the version and
//! variant bits. The day in front makes ids of one day neighbours, so that storage can be partitioned by range
//! and dropped by age. The hash makes the id derivable: a start that is repeated finds the same saga, and
//! after a lost database tail at least the same effects ([`SagaId::effect_part`] leaves the day out).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Millis;

const DAY_MS: Millis = 86_400_000;
const DAY_SHIFT: u32 = 104;
const HASH_MASK: u128 = (1 << DAY_SHIFT) - 1;

/// Identity of one saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SagaId(pub Uuid);

impl SagaId {
    /// The id of the saga that this key starts, when it starts at `now`.
    pub fn derive(now: Millis, tenant: &str, definition: &str, idempotency_key: &str) -> SagaId {
        let mut hasher = Sha256::new();
        for part in [tenant, definition, idempotency_key] {
            // Length first: ("a", "bc") and ("ab", "c") are different keys.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let digest = hasher.finalize();
        let mut head = [0u8; 16];
        head.copy_from_slice(&digest[..16]);
        let day = u128::from((now / DAY_MS) & 0x00ff_ffff);
        let bits = (day << DAY_SHIFT) | (u128::from_be_bytes(head) & HASH_MASK);
        SagaId(uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid())
    }

    /// The part of the id that effect keys carry: without the day, 26 hexadecimal digits.
    pub fn effect_part(self) -> String {
        let mut digits = [0; 32];
        // Six digits are the day.
        self.0.as_simple().encode_lower(&mut digits)[6..].to_owned()
    }

    /// Day number of the start.
    pub fn day(self) -> u32 {
        (self.0.as_u128() >> DAY_SHIFT) as u32
    }

    /// The id that the same key gives on another day.
    pub fn on_day(self, day: u32) -> SagaId {
        let bits = (u128::from(day & 0x00ff_ffff) << DAY_SHIFT) | (self.0.as_u128() & HASH_MASK);
        SagaId(Uuid::from_u128(bits))
    }

    /// The smallest id of a day: a bound for range partitions.
    pub fn first_of_day(day: u32) -> Uuid {
        Uuid::from_u128(u128::from(day & 0x00ff_ffff) << DAY_SHIFT)
    }

    /// Day number of an instant.
    pub fn day_of(now: Millis) -> u32 {
        ((now / DAY_MS) & 0x00ff_ffff) as u32
    }
}

impl fmt::Display for SagaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl FromStr for SagaId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(SagaId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_key_same_hash_part_whatever_the_day() {
        let monday = SagaId::derive(DAY_MS * 20_000, "main", "booking", "k1");
        let tuesday = SagaId::derive(DAY_MS * 20_001, "main", "booking", "k1");
        assert_ne!(monday, tuesday);
        assert_eq!(monday.effect_part(), tuesday.effect_part());
        assert_eq!(monday.day(), 20_000);
        assert_eq!(monday.on_day(20_001), tuesday);
        assert_eq!(monday.0.get_version_num(), 8);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(
            SagaId::derive(0, "a", "bc", "k"),
            SagaId::derive(0, "ab", "c", "k")
        );
    }

    #[test]
    fn ids_of_a_day_lie_between_its_bounds() {
        let id = SagaId::derive(DAY_MS * 7, "main", "booking", "k1").0;
        assert!(SagaId::first_of_day(7) <= id && id < SagaId::first_of_day(8));
    }
}
