//! What must be true at the end: a list of texts in a small language.

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::At;
use super::super::invariant::{
    EFFECTS_MAX, INVARIANT_CHARACTERS_MAX, INVARIANTS_MAX, Invariant, Slip,
};
use super::super::node::{Node, Place};
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn invariants(&mut self, node: Option<&Node>) -> Vec<At<Invariant>> {
        let texts = self.texts(node, "invariants").unwrap_or_default();
        if let Some(beyond) = texts.get(INVARIANTS_MAX) {
            let message = format!(
                "{} invariants: at most {INVARIANTS_MAX} are allowed",
                texts.len()
            );
            self.note(Diagnostic::error(code::LIMIT, beyond.place, message));
        }
        let texts = texts.iter().take(INVARIANTS_MAX);
        texts.filter_map(|text| self.invariant(text)).collect()
    }

    fn invariant(&mut self, text: &At<String>) -> Option<At<Invariant>> {
        if text.value.chars().count() > INVARIANT_CHARACTERS_MAX {
            let message =
                format!("an invariant of more than {INVARIANT_CHARACTERS_MAX} characters");
            self.note(Diagnostic::error(code::LIMIT, text.place, message));
            return None;
        }
        let invariant = match Invariant::parse(&text.value) {
            Ok(invariant) => invariant,
            Err(slip) => {
                self.note_slip(text, &slip);
                return None;
            }
        };
        if invariant.effects().len() > EFFECTS_MAX {
            let message = format!("an invariant over more than {EFFECTS_MAX} effects");
            let help = "write several: all of them must hold";
            self.note(Diagnostic::error(code::LIMIT, text.place, message).with_help(help));
            return None;
        }
        Some(At {
            value: invariant,
            place: text.place,
        })
    }

    fn note_slip(&mut self, text: &At<String>, slip: &Slip) {
        let message = format!("`{}` is no invariant: {}", text.value, slip.message);
        let help = "write names of effects with `not`, `and`, `or`, `implies` and parentheses, \
                    for example `charge implies seat or refund`";
        let place = self.within(text, slip.at, slip.length);
        self.note(Diagnostic::error(code::INVARIANT, place, message).with_help(help));
    }

    /// The place of some characters of a text, when it stands on one line as it is.
    pub(crate) fn within(&self, text: &At<String>, at: usize, length: usize) -> Place {
        let whole = self.source.narrow(text.place, &text.value);
        let as_it_is = usize::try_from(whole.length) == Ok(text.value.chars().count());
        match (as_it_is, u32::try_from(at), u32::try_from(length)) {
            (true, Ok(at), Ok(length)) => Place {
                line: whole.line,
                column: whole.column + at,
                length,
            },
            (_, _, _) => text.place,
        }
    }
}
