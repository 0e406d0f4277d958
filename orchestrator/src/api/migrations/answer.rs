//! The table: one row for each place at which sagas stand.

use std::sync::Arc;

use impresario_workflows::SagaId;
use impresario_workflows::check::Story;
use serde::Serialize;

use crate::migrations::Prospect;
use crate::store::definitions::Stored;

/// Sagas named in one row at most: somebody wants to look at one.
const EXAMPLES_MAX: usize = 3;

#[derive(Debug, Serialize)]
pub(super) struct Table {
    from: Known,
    to: Known,
    dry_run: bool,
    positions: Vec<Row>,
    /// Sagas that go on under the other version now.
    migrated: usize,
    next_cursor: Option<String>,
    has_more: bool,
}

#[derive(Debug, Serialize)]
struct Known {
    version: u32,
    hash: String,
}

#[derive(Debug, Serialize)]
struct Row {
    /// Where they stand, in words.
    position: String,
    verdict: &'static str,
    /// How many stand there.
    sagas: usize,
    /// How many of them were migrated.
    migrated: usize,
    examples: Vec<SagaId>,
    /// Worlds that were gone through.
    states: Option<usize>,
    /// So many items of each list were looked at.
    items: Option<usize>,
    /// The property that does not hold.
    property: Option<&'static str>,
    /// Why not.
    why: Option<String>,
    /// How it can go wrong.
    story: Option<Story>,
}

impl Table {
    pub(super) fn new(from: &Stored, to: &Stored, dry_run: bool) -> Table {
        let known = |stored: &Stored| Known {
            version: stored.definition.version,
            hash: stored.definition.hash.clone(),
        };
        Table {
            from: known(from),
            to: known(to),
            dry_run,
            positions: Vec::new(),
            migrated: 0,
            next_cursor: None,
            has_more: false,
        }
    }

    /// One saga more at its place.
    pub(super) fn add(
        &mut self,
        position: &str,
        prospect: &Arc<Prospect>,
        id: SagaId,
        moved: bool,
    ) {
        let verdict = prospect.as_str();
        let known = self.positions.iter_mut().find(|row| {
            let same_reason = match &**prospect {
                Prospect::Refused { why } => row.why.as_ref() == Some(why),
                Prospect::Proved { .. }
                | Prospect::Disproved { .. }
                | Prospect::NotProved { .. } => true,
            };
            row.position == position && row.verdict == verdict && same_reason
        });
        let row = match known {
            Some(row) => row,
            None => {
                self.positions.push(Row::new(position.to_owned(), prospect));
                // It was pushed just now.
                let Some(row) = self.positions.last_mut() else {
                    return;
                };
                row
            }
        };
        row.sagas += 1;
        row.migrated += usize::from(moved);
        if row.examples.len() < EXAMPLES_MAX {
            row.examples.push(id);
        }
        self.migrated += usize::from(moved);
    }

    /// Where the next page begins.
    pub(super) fn ends_at(mut self, next_cursor: Option<String>) -> Table {
        self.has_more = next_cursor.is_some();
        self.next_cursor = next_cursor;
        self
    }
}

impl Row {
    fn new(position: String, prospect: &Prospect) -> Row {
        let verdict = prospect.as_str();
        let bare = Row {
            position,
            verdict,
            sagas: 0,
            migrated: 0,
            examples: Vec::new(),
            states: None,
            items: None,
            property: None,
            why: None,
            story: None,
        };
        match prospect {
            Prospect::Proved { states, items } => Row {
                states: Some(*states),
                items: *items,
                ..bare
            },
            Prospect::NotProved { states } => Row {
                states: Some(*states),
                why: Some("there is more before it than can be explored".to_owned()),
                ..bare
            },
            Prospect::Disproved {
                property,
                said,
                story,
            } => Row {
                property: Some(property.as_str()),
                why: Some(said.clone()),
                story: Some(story.clone()),
                ..bare
            },
            Prospect::Refused { why } => Row {
                why: Some(why.clone()),
                ..bare
            },
        }
    }
}
