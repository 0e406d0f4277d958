//! Identities of traces and spans.
//!
//! Those of a saga's spans are derived, not drawn: every process can tell the id of a span that another one has made or
//! will make, and whoever repeats something after a crash repeats its id.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

/// Identity of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// Identity of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The trace of a saga whose start named none: the saga's own id, so that the one is found by the other.
    pub fn of_saga(id: uuid::Uuid) -> TraceId {
        TraceId(id.into_bytes())
    }

    pub(crate) fn parse(text: &str) -> Option<TraceId> {
        digits(text).map(TraceId).filter(|id| id.0 != [0; 16])
    }
}

impl SpanId {
    /// The span that these parts name, in whatever process.
    pub fn of(parts: &[&str]) -> SpanId {
        let mut hasher = Sha256::new();
        for part in parts {
            // Length first: ("a", "bc") and ("ab", "c") are different spans.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        SpanId::first_of(&hasher.finalize())
    }

    /// The part `name` of the span.
    pub fn part(self, name: &str) -> SpanId {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(name.as_bytes());
        SpanId::first_of(&hasher.finalize())
    }

    /// A new one, for what happens once: a request.
    pub fn random() -> SpanId {
        SpanId::first_of(uuid::Uuid::new_v4().as_bytes())
    }

    fn first_of(bytes: &[u8]) -> SpanId {
        let mut id = [0; 8];
        id.copy_from_slice(&bytes[..8]);
        // All zeros means "none" on the wire.
        id[7] |= u8::from(id == [0; 8]);
        SpanId(id)
    }

    pub(crate) fn parse(text: &str) -> Option<SpanId> {
        digits(text).map(SpanId).filter(|id| id.0 != [0; 8])
    }
}

/// Exactly so many bytes, as lower-case hexadecimal digits.
pub(crate) fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

fn write_digits(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        f.write_char(char::from(DIGITS[usize::from(byte >> 4)]))?;
        f.write_char(char::from(DIGITS[usize::from(byte & 15)]))?;
    }
    Ok(())
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_same_has_the_same_id_and_nothing_else_has() {
        let attempt = |number| SpanId::of(&["attempt", "s1", "reserve", number]);
        assert_eq!(attempt("1"), attempt("1"));
        assert_ne!(attempt("1"), attempt("2"));
        assert_ne!(SpanId::of(&["a", "bc"]), SpanId::of(&["ab", "c"]));
        assert_ne!(attempt("1").part("send"), attempt("1").part("process"));
        assert_ne!(attempt("1").part("send"), attempt("2").part("send"));
        // Other processes and later versions have to come to the same.
        assert_eq!(attempt("1").to_string(), "efacae8c79e85928");
        assert_eq!(attempt("1").part("process").to_string(), "af3feb048160c9e4");
    }

    #[test]
    fn a_saga_and_its_trace_are_found_by_each_other() {
        let id = uuid::Uuid::from_u128(0x0050_4f00_0000_8000_8000_0000_0000_00ab);
        assert_eq!(TraceId::of_saga(id).to_string(), id.simple().to_string());
    }
}
