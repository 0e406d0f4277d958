//! The notes that journal rows carry beside their facts: which answer of which attempt was heard.
//!
//! `result hold forward #1 succeeded by catalog-7f3`. Facts say what became true; only the note says which attempt
//! was answered, and with what, where several could have been. A note of another form is no error: it tells less.

use crate::saga::Operation;

/// An answer that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) step: String,
    pub(crate) operation: Operation,
    pub(crate) attempt: u32,
    /// The word of the protocol: `succeeded`, `unknown`, `still_open`, …
    pub(crate) outcome: String,
}

impl Heard {
    /// What a note tells.
    pub(crate) fn of(note: &str) -> Option<Heard> {
        let mut words = note.split(' ');
        if words.next() != Some("result") {
            return None;
        }
        let (step, operation, attempt, outcome) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        let operation = match operation {
            "forward" => Operation::Forward,
            "compensate" => Operation::Compensate,
            "reconcile" => Operation::Reconcile,
            _ => return None,
        };
        Some(Heard {
            step: step.to_owned(),
            operation,
            attempt: attempt.strip_prefix('#')?.parse().ok()?,
            outcome: outcome.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_the_attempt_and_its_answer() {
        let heard = Heard::of("result authorize reconcile #2 still_open by payment-1").unwrap();
        assert_eq!(heard.step, "authorize");
        assert_eq!((heard.operation, heard.attempt), (Operation::Reconcile, 2));
        assert_eq!(heard.outcome, "still_open");
        for other in [
            "start",
            "timer",
            "result hold sideways #1 succeeded",
            "result hold forward 1 x",
        ] {
            assert_eq!(Heard::of(other), None, "{other}");
        }
    }
}
