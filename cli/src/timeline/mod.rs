//! A saga's journal as a timeline that a person can read.
//!
//! Times are those of the journal, as the engine recorded them, counted from the start. What the caller saw
//! from outside (a kill, say) can be put between them. The sentences are in `words`.

mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use impresario_workflows::script::Moment as Rehearsed;
use impresario_workflows::{Definition, Millis};

use crate::client::{JournalEntry, Saga};
use crate::output::{Ink, tame};
use words::{Said, Sent, Tone};

/// What happened at an instant.
#[derive(Clone, Debug)]
struct Moment {
    at: DateTime<Utc>,
    step: String,
    said: Said,
}

/// Moments in order.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    start: DateTime<Utc>,
    moments: Vec<Moment>,
}

impl Timeline {
    /// Of everything that a saga's journal tells.
    pub(crate) fn of(saga: &Saga) -> Timeline {
        Timeline::since(saga, 0)
    }

    /// Of a saga that was only rehearsed.
    pub(crate) fn rehearsed(definition: &Definition, moments: &[Rehearsed]) -> Timeline {
        let named: Vec<(&str, String)> = definition
            .steps
            .iter()
            .map(|step| {
                let task = step.task().map_or_else(
                    || step.kind.word().to_owned(),
                    |task| format!("{}/{}", task.pool, task.task),
                );
                (step.id.as_str(), task)
            })
            .collect();
        let tasks = named
            .iter()
            .map(|(id, task)| (*id, task.as_str()))
            .collect();
        let mut sent = Sent::new();
        let mut timeline = Timeline {
            start: moments
                .first()
                .map_or_else(Utc::now, |first| instant(first.at)),
            moments: Vec::new(),
        };
        for Rehearsed {
            at,
            events,
            refused,
        } in moments
        {
            let at = instant(*at);
            for event in events {
                let told = serde_json::to_value(event).unwrap_or_default();
                if let Some((step, said)) = words::of(&told, &tasks, &mut sent, at) {
                    timeline.moments.push(Moment { at, step, said });
                }
            }
            for refusal in refused {
                timeline.insert(at, format!("refused: {refusal}"));
            }
        }
        timeline
    }

    /// Of what came after a row.
    pub(crate) fn since(saga: &Saga, seq: i32) -> Timeline {
        let tasks: BTreeMap<&str, &str> = saga
            .steps
            .iter()
            .map(|step| (step.id.as_str(), step.task.as_str()))
            .collect();
        // An attempt that is dispatched again under its number: the reader sees that it is a repetition.
        let mut sent = Sent::new();
        let mut moments = Vec::new();
        for entry in &saga.journal {
            for event in &entry.events {
                let Some((step, said)) = words::of(event, &tasks, &mut sent, entry.at) else {
                    continue;
                };
                if entry.seq > seq {
                    moments.push(Moment {
                        at: entry.at,
                        step: tame(&step),
                        said,
                    });
                }
            }
        }
        Timeline {
            start: saga.started_at,
            moments,
        }
    }

    /// Puts something in that the journal does not know.
    pub(crate) fn insert(&mut self, at: DateTime<Utc>, text: impl Into<String>) {
        let said = Said {
            tone: Tone::Bad,
            text: text.into(),
        };
        let place = self.moments.partition_point(|moment| moment.at <= at);
        self.moments.insert(
            place,
            Moment {
                at,
                step: String::new(),
                said,
            },
        );
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// One line for each moment, indented by two.
    pub(crate) fn render(&self, ink: Ink) -> String {
        let width = self
            .moments
            .iter()
            .map(|moment| moment.step.chars().count())
            .max()
            .unwrap_or(0);
        let lines: Vec<String> = self
            .moments
            .iter()
            .map(|moment| self.line(moment, width, ink))
            .collect();
        lines.join("\n")
    }

    fn line(&self, moment: &Moment, width: usize, ink: Ink) -> String {
        let since = moment.at.signed_duration_since(self.start);
        let seconds = since.num_milliseconds().max(0) as f64 / 1000.0;
        let text = tame(&moment.said.text);
        let text = match moment.said.tone {
            Tone::Plain => text,
            Tone::Good => ink.good(&text),
            Tone::Bad => ink.bad(&text),
        };
        let step = ink.bold(&format!("{:width$}", moment.step));
        format!("  {}  {step}  {text}", ink.dim(&format!("{seconds:8.3} s")))
            .trim_end()
            .to_owned()
    }
}

/// An instant in the heart's unit.
fn instant(at: Millis) -> DateTime<Utc> {
    i64::try_from(at)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default()
}

/// The newest row of a journal.
pub(crate) fn last_seq(journal: &[JournalEntry]) -> i32 {
    journal.last().map_or(0, |entry| entry.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saga() -> Saga {
        let at = |ms: u32| format!("2026-11-22T10:00:00.{ms:03}Z");
        serde_json::from_value(json!({
            "id": "x", "definition": { "name": "booking", "version": 1 }, "status": "compensated",
            "seq": 3, "explanation": "Undone.", "business_key": null,
            "started_at": at(0), "ended_at": at(9),
            "steps": [{ "id": "hold", "kind": "task", "task": "catalog/hold-seats", "state": "undone", "problem": null }],
            "journal": [
                { "seq": 1, "at": at(0), "events": [
                    { "event": "started", "at": 1, "input": {} },
                    { "event": "dispatched", "step": "hold", "operation": "forward", "attempt": 1, "at": 1, "until": 9 },
                ] },
                { "seq": 2, "at": at(4), "events": [
                    { "event": "dispatched", "step": "hold", "operation": "forward", "attempt": 1, "at": 5, "until": 9 },
                    { "event": "succeeded", "step": "hold", "output": { "hold_id": "h1" } },
                ] },
                { "seq": 3, "at": at(9), "events": [
                    { "event": "invented_tomorrow", "step": "hold" },
                    { "event": "compensated" },
                ] },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_journal_reads_as_a_timeline() {
        let mut timeline = Timeline::of(&saga());
        timeline.insert("2026-11-22T10:00:00.002Z".parse().unwrap(), "kill -9");
        assert_eq!(
            timeline.render(Ink::none()),
            "     0.000 s        started\n     \
                  0.000 s  hold  sent to catalog/hold-seats\n     \
                  0.002 s        kill -9\n     \
                  0.004 s  hold  sent again to catalog/hold-seats (attempt 1, same key)\n     \
                  0.004 s  hold  done {\"hold_id\":\"h1\"}\n     \
                  0.009 s  hold  invented_tomorrow\n     \
                  0.009 s        ended: everything is undone"
        );
    }

    #[test]
    fn only_what_is_new_is_told_but_repetitions_are_known() {
        let timeline = Timeline::since(&saga(), 1);
        assert!(
            timeline
                .render(Ink::none())
                .starts_with("     0.004 s  hold  sent again")
        );
    }
}
