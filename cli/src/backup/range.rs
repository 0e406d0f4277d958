//! What a folder of backups can restore, told.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::store::{Base, Piece, Store};
use crate::output;

/// The folder's content.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) bases: Vec<Told>,
    /// Moments from here on can be restored.
    pub(super) from: Option<DateTime<Utc>>,
    /// The log was last written then: what came later is not here.
    pub(super) until: Option<DateTime<Utc>>,
    /// What of the log is missing.
    pub(super) hole: Option<String>,
}

/// A base backup.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) first: String,
}

impl Report {
    pub(super) fn of(store: &Store) -> anyhow::Result<Report> {
        let (bases, pieces) = (store.bases()?, store.pieces()?);
        Ok(Report {
            from: bases.first().map(|base| base.at),
            until: pieces
                .iter()
                .map(|piece| DateTime::from(piece.written))
                .max(),
            hole: hole(&bases, &pieces),
            bases: bases
                .into_iter()
                .map(
                    |Base {
                         name,
                         version,
                         first,
                         ..
                     }| Told {
                        name,
                        version,
                        first,
                    },
                )
                .collect(),
        })
    }

    pub(super) fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .bases
            .iter()
            .map(|base| vec![base.name.clone(), base.version.clone(), base.first.clone()])
            .collect();
        let moment = |at: Option<DateTime<Utc>>| at.map_or("none".to_owned(), |at| at.to_rfc3339());
        format!(
            "{}\n\nany moment from {} to {}{}",
            output::table(&["BASE BACKUP", "POSTGRESQL", "LOG FROM"], &rows),
            moment(self.from),
            moment(self.until),
            self.hole.as_ref().map_or(String::new(), |hole| format!(
                ", but the log has a hole: {hole}"
            )),
        )
    }
}

/// The first gap in the log that the oldest base backup needs. Pieces of another timeline are another log's.
fn hole(bases: &[Base], pieces: &[Piece]) -> Option<String> {
    let first = &bases.first()?.first;
    let mut needed = pieces
        .iter()
        .filter(|piece| piece.name >= *first && piece.name[..8] == first[..8])
        .peekable();
    match needed.peek() {
        Some(piece) if piece.name == *first => {}
        Some(_) | None => return Some(format!("{first} is missing")),
    }
    let mut last: Option<&Piece> = None;
    for piece in needed {
        if let Some(last) = last
            && (piece.number() > last.number() + 1
                || (!last.full && piece.number() > last.number()))
        {
            return Some(format!("after {}", last.name));
        }
        last = Some(piece);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::SystemTime;

    fn piece(name: &str, full: bool) -> Piece {
        Piece {
            name: name.to_owned(),
            path: PathBuf::new(),
            full,
            written: SystemTime::now(),
            bytes: 16 << 20,
        }
    }

    fn base(first: &str) -> Base {
        Base {
            name: String::new(),
            path: PathBuf::new(),
            at: Utc::now(),
            first: first.to_owned(),
            version: "15".to_owned(),
        }
    }

    #[test]
    fn a_log_with_a_hole_is_told_where() {
        let bases = [base("0000000100000000000000FE")];
        let whole = [
            piece("0000000100000000000000FE", true),
            piece("0000000100000000000000FF", true),
            piece("000000010000000100000000", false),
        ];
        assert_eq!(hole(&bases, &whole), None);
        let torn = [whole[0].clone(), whole[2].clone()];
        assert_eq!(
            hole(&bases, &torn).unwrap(),
            "after 0000000100000000000000FE"
        );
        assert_eq!(
            hole(&bases, &whole[1..]).unwrap(),
            "0000000100000000000000FE is missing"
        );
        assert_eq!(hole(&[], &whole), None);
    }
}
