//! The YAML parser's errors in our words.
//!
//! Subtle: `${{ x }}` without quotes is fine on a line of its own but not inside `[ ]` and `{ }`, where the braces
//! are YAML's. The parser's complaint about that is turned into the advice to write quotes.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::code;
use super::diagnostic::Diagnostic;
use super::node::Place;
use super::yaml::{DEPTH_MAX, place};

/// What an error means to the author of the file.
pub(super) fn explain(text: &str, error: &Error) -> Diagnostic {
    let start = Place {
        line: 1,
        column: 1,
        length: 1,
    };
    let place = error.location().map_or(start, |at| place(text, at));
    // Only these kinds have a meaning of their own here; whatever else the parser says is a matter of syntax.
    match error.without_snippet() {
        Error::Budget { breach, .. } => over_budget(text, place, breach),
        Error::UnknownAnchor { .. } => refused(place, ANCHORS),
        Error::MergeKeyNotAllowed { .. } => {
            refused(place, "merge keys (`<<`) are not part of the language")
        }
        Error::UnsupportedTag { .. } => {
            refused(place, "tags (`!name`) are not part of the language")
        }
        other => syntax(text, place, &other.to_string()),
    }
}

const ANCHORS: &str = "anchors and aliases (`&a`, `*a`) are not part of the language";

/// A diagnostic about YAML that is not ours.
pub(super) fn refused(place: Place, message: &str) -> Diagnostic {
    Diagnostic::error(code::NOT_IN_SUBSET, place, message)
        .with_help("write the value where it is needed")
}

fn over_budget(text: &str, place: Place, breach: &BudgetBreach) -> Diagnostic {
    match breach {
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => {
            refused(anchor_before(text, place).unwrap_or(place), ANCHORS)
        }
        BudgetBreach::Documents { .. } => {
            let message = "a file holds one definition: no second document";
            Diagnostic::error(code::YAML, place, message)
        }
        BudgetBreach::Depth { .. } => {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            Diagnostic::error(code::LIMIT, place, message)
        }
        other => {
            let message = format!("too much for a definition: {other:?}");
            Diagnostic::error(code::LIMIT, place, message)
        }
    }
}

/// The parser reports the value that has an anchor; the anchor itself is the last word before it.
fn anchor_before(text: &str, place: Place) -> Option<Place> {
    let line = usize::try_from(place.line).ok()?;
    let column = usize::try_from(place.column).ok()?;
    let lines: Vec<&str> = text.lines().take(line).collect();
    let (last, above) = lines.split_last()?;
    let start: String = last.chars().take(column.saturating_sub(1)).collect();
    let (number, part) = if start.trim().is_empty() {
        let number = above.iter().rposition(|line| !line.trim().is_empty())? + 1;
        (number, above[number - 1].to_owned())
    } else {
        (line, start)
    };
    let at = part.rfind('&')?;
    let name = part[at..].split_whitespace().next()?;
    Some(Place {
        line: u32::try_from(number).ok()?,
        column: u32::try_from(part[..at].chars().count() + 1).ok()?,
        length: u32::try_from(name.chars().count()).ok()?,
    })
}

fn syntax(text: &str, place: Place, whole: &str) -> Diagnostic {
    if let Some(place) = unquoted(text, place) {
        let message = "`${{ }}` must be in quotes here";
        return Diagnostic::error(code::MUST_BE_QUOTED, place, message)
            .with_help("put double quotes around the whole value: \"${{ … }}\"");
    }
    // The parser appends the place, which is reported by itself.
    let message = whole.split(" at line ").next().unwrap_or(whole);
    Diagnostic::error(code::YAML, place, format!("not YAML: {message}"))
}

/// Where an unquoted `${{` is the likely cause of an error on this line.
fn unquoted(text: &str, place: Place) -> Option<Place> {
    let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let line = text.lines().nth(index)?;
    let at = line.find("${{")?;
    let before = line[..at].trim_end();
    if before.ends_with(['"', '\'']) {
        return None;
    }
    let length = line[at..]
        .find("}}")
        .map_or(3, |end| line[at..at + end + 2].chars().count());
    Some(Place {
        line: place.line,
        column: u32::try_from(line[..at].chars().count() + 1).ok()?,
        length: u32::try_from(length).ok()?,
    })
}
