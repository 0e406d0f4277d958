//! Cursors: where the next page of a list begins, as an opaque text.
//!
//! Position, then a checksum over the position and everything that the list was asked for: a cursor of another
//! list, or a damaged one, is refused instead of silently showing other rows. There is nothing to forge: a
//! position opens no saga that the same list would not show.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use impresario_workflows::SagaId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::super::problem::{Code, Problem};
use crate::store::listing::Position;

/// What a cursor is bound to: the tenant and the filters of its list.
#[derive(Clone, Debug)]
pub(in super::super) struct Scope(Sha256);

const INSTANT: usize = 8;
const POSITION: usize = INSTANT + 16;
const CHECKSUM: usize = 8;

impl Scope {
    /// The scope of a list, given its sorted filters.
    pub(super) fn new<'f>(
        tenant: &str,
        filters: impl Iterator<Item = &'f (String, String)>,
    ) -> Scope {
        let mut hasher = Sha256::new();
        let mut part = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        };
        part("impresario cursor 1");
        part(tenant);
        for (name, value) in filters {
            part(name);
            part(value);
        }
        Scope(hasher)
    }

    /// The cursor that continues behind a position.
    pub(in super::super) fn seal(&self, position: Position) -> String {
        let mut bytes = Vec::with_capacity(POSITION + CHECKSUM);
        bytes.extend(position.started_at.timestamp_micros().to_be_bytes());
        bytes.extend(position.id.0.as_bytes());
        bytes.extend(self.checksum(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor of this list.
    pub(super) fn open(&self, cursor: &str) -> Result<Position, Problem> {
        self.position(cursor).ok_or_else(|| {
            Problem::new(
                Code::InvalidCursor,
                "Give the cursor as you got it, with the filters that you got it for.",
            )
        })
    }

    fn position(&self, cursor: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, checksum) = bytes.split_at_checked(POSITION)?;
        if checksum != self.checksum(position) {
            return None;
        }
        let (micros, id) = position.split_at_checked(INSTANT)?;
        let micros = i64::from_be_bytes(micros.try_into().ok()?);
        Some(Position {
            started_at: DateTime::from_timestamp_micros(micros)?,
            id: SagaId(Uuid::from_slice(id).ok()?),
        })
    }

    fn checksum(&self, position: &[u8]) -> [u8; CHECKSUM] {
        let digest = self.0.clone().chain_update(position).finalize();
        let mut checksum = [0; CHECKSUM];
        checksum.copy_from_slice(&digest[..CHECKSUM]);
        checksum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_as_it_was_given_and_only_its_list() {
        let filters = [("status".to_owned(), "stuck".to_owned())];
        let scope = Scope::new("main", filters.iter());
        let position = Position {
            started_at: "2026-11-22T23:20:00.123456Z".parse().unwrap(),
            id: SagaId::derive(0, "main", "booking", "k"),
        };
        let cursor = scope.seal(position);
        assert_eq!(scope.position(&cursor), Some(position));
        assert_eq!(Scope::new("other", filters.iter()).position(&cursor), None);
        assert_eq!(Scope::new("main", [].iter()).position(&cursor), None);
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bytes).unwrap();
            assert_eq!(scope.position(&bent), None, "{bent}");
        }
        for bad in ["", "=", "é", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(scope.position(bad), None, "{bad}");
        }
    }
}
