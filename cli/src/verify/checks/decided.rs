//! Every journal row is what the heart decides for some inputs: those that the row itself names.
//!
//! The row says in words which inputs it rests on; `rebuild` makes them again (a few candidates each, for what an
//! input carried is not all in the words), and `decide` must give exactly the row's facts for one choice of them. So
//! a fact that nobody could have decided here is found, whoever wrote it. Instants are not compared to the
//! millisecond: a decision is made some time between its row's and the next one's.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Event, Moment, State, decide, evolve};

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::rebuild::{self, Rebuilt};
use crate::verify::rule::Rule;
use crate::verify::table::Table;
use crate::verify::world::Entry;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Saga, Table::Journal, Table::Definition],
    rules: &[Rule::EventsAreDecided],
    run: check,
};

/// What became of the question for one row.
enum Verdict {
    Decided,
    /// No choice of inputs gives these facts.
    Undecided,
    /// The row names inputs that this program cannot make again.
    Unjudged,
}

fn check(case: &Case<'_>, found: &mut Findings) {
    each_row(case, |id, entry, verdict| match verdict {
        Verdict::Undecided => {
            let what = format!(
                "row {}: {:?} do not give its facts",
                entry.seq, entry.body.by
            );
            found.report(Rule::EventsAreDecided, Some(id), what);
        }
        Verdict::Decided | Verdict::Unjudged => {}
    });
}

/// Rows whose inputs this program cannot make again.
pub(crate) fn unjudged_rows(case: &Case<'_>) -> usize {
    let mut count = 0;
    each_row(case, |_, _, verdict| {
        count += usize::from(matches!(verdict, Verdict::Unjudged));
    });
    count
}

fn each_row<'a>(case: &Case<'a>, mut tell: impl FnMut(&str, &'a Entry, Verdict)) {
    for (id, saga, mut definition) in case.readable_from_the_start() {
        let mut state = State::unborn(id, definition);
        for (place, entry) in saga.journal.iter().enumerate() {
            let next = saga.journal.get(place + 1).map(|next| next.body.at);
            let row = Row::new(definition, entry, next);
            tell(id, entry, row.judge(&state));
            for event in &entry.body.events {
                definition = case.goes_on_under(event).unwrap_or(definition);
                if evolve(definition, &mut state, event).is_err() {
                    return; // Told by `stored`.
                }
            }
        }
    }
}

/// A row that is explained, input by input.
struct Row<'r> {
    definition: &'r Definition,
    by: &'r [String],
    events: &'r [Event],
    span: rebuild::Span,
}

impl<'r> Row<'r> {
    fn new(definition: &'r Definition, entry: &'r Entry, next: Option<u64>) -> Row<'r> {
        Row {
            definition,
            by: &entry.body.by,
            events: &entry.body.events,
            span: rebuild::Span::between(entry.body.at, next),
        }
    }

    fn judge(&self, state: &State) -> Verdict {
        let known = |note: &String| rebuild::is_known(note);
        if self.explained(state, 0, 0) {
            Verdict::Decided
        } else if self.by.iter().all(known) {
            Verdict::Undecided
        } else {
            Verdict::Unjudged
        }
    }

    /// Whether the inputs from `note` on give the facts from `from` on, in this state.
    fn explained(&self, state: &State, note: usize, from: usize) -> bool {
        let rest = &self.events[from..];
        let Some(said) = self.by.get(note) else {
            return rest.is_empty();
        };
        let candidates = rebuild::inputs(self.definition, state, said, rest);
        candidates.iter().any(|input| {
            rebuild::instants(self.definition, state, rest, &self.span).any(|now| {
                self.gives(state, input, now, rest)
                    .is_some_and(|(count, next)| self.explained(&next, note + 1, from + count))
            })
        })
    }

    /// How many of the facts this input gives, and the state after them.
    fn gives(
        &self,
        state: &State,
        input: &Rebuilt,
        now: u64,
        rest: &[Event],
    ) -> Option<(usize, State)> {
        let moment = Moment {
            now,
            jitter_permille: 0,
        };
        let decision = decide(self.definition, state, input, moment).ok()?;
        let count = decision.events.len();
        let given = rest.get(..count).filter(|_| count > 0)?;
        let mut next = state.clone();
        for (decided, stored) in decision.events.iter().zip(given) {
            let same = rebuild::same(self.definition, decided, stored, &self.span);
            if !same || evolve(self.definition, &mut next, stored).is_err() {
                return None;
            }
        }
        Some((count, next))
    }
}
