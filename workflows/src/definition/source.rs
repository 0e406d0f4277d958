//! The text that a definition came from, for finding things on its lines.

use super::node::Place;

/// Lines of a text. Empty for content that did not come from text.
#[derive(Clone, Debug)]
pub(crate) struct Source<'t> {
    lines: Vec<&'t str>,
}

impl<'t> Source<'t> {
    pub(crate) fn of(text: &'t str) -> Source<'t> {
        Source {
            lines: text.lines().collect(),
        }
    }

    pub(crate) fn nowhere() -> Source<'t> {
        Source { lines: Vec::new() }
    }

    /// The line with this number, from 1.
    pub(crate) fn line(&self, number: u32) -> Option<&'t str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lines.get(index).copied()
    }

    /// The place of `part` inside the value at `place`, when it stands on the value's first line.
    pub(crate) fn narrow(&self, place: Place, part: &str) -> Place {
        self.find(place, part).unwrap_or(place)
    }

    fn find(&self, place: Place, part: &str) -> Option<Place> {
        if part.is_empty() {
            return None;
        }
        let line = self.line(place.line)?;
        let skipped = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let from = line.char_indices().nth(skipped).map(|(at, _)| at)?;
        let at = from + line[from..].find(part)?;
        Some(Place {
            line: place.line,
            column: u32::try_from(line[..at].chars().count() + 1).ok()?,
            length: u32::try_from(part.chars().count()).ok()?,
        })
    }
}
