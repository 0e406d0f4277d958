//! Booking references and ticket codes: short, readable over a telephone, derived from the effect key.
//!
//! Derived, so that a task that is repeated after a lost database tail prints the same tickets again. The
//! alphabet has no I, L, O, U: nothing is read as something else.

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `BK-` and 10 characters (50 bits).
pub(crate) fn booking_ref(effect: &str) -> String {
    format!("BK-{}", letters(&[effect], 10))
}

/// `T-` and 16 characters (80 bits): it opens a door, so it must not be guessable from its neighbour.
pub(crate) fn ticket_code(effect: &str, event_id: &str, seat: &str) -> String {
    format!("T-{}", letters(&[effect, event_id, seat], 16))
}

fn letters(parts: &[&str], count: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(count)
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_differ() {
        assert_eq!(
            booking_ref("a/confirm/forward/1"),
            booking_ref("a/confirm/forward/1")
        );
        assert_ne!(
            booking_ref("a/confirm/forward/1"),
            booking_ref("a/confirm/forward/2")
        );
        assert_ne!(ticket_code("k", "e", "A1"), ticket_code("k", "e", "A2"));
        assert_eq!(booking_ref("x").len(), 13);
    }
}
