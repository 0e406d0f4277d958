//! The verdict about each recorded saga, and the verdicts added up.

use std::collections::BTreeMap;

use super::compare::{Difference, first_difference};
use super::life::{Life, LifeEnd};
use super::world::Recorded;
use crate::Millis;
use crate::definition::Definition;
use crate::record::Recording;
use crate::rehearse::{Limits, Stage, start};
use crate::saga::{Status, Unfoldable};

/// Sagas that are named in a group; all of them are in the list.
const EXAMPLES_MAX: usize = 5;

/// What would have become of one recorded saga.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Replayed {
    /// Its id.
    pub id: String,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was taken for granted about participants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It would have lived the same life.
    Same,
    /// It would have ended the same, by another way.
    OtherWay {
        /// Where the ways part, milliseconds after the start.
        after_ms: Millis,
        /// How.
        difference: Difference,
    },
    /// It would have ended otherwise.
    Different {
        /// As it ended.
        was: Box<LifeEnd>,
        /// As it would have ended.
        would_be: Box<LifeEnd>,
        /// Where the lives part, milliseconds after the start.
        after_ms: Millis,
        /// How.
        difference: Difference,
    },
    /// Nothing can be said.
    NotJudged {
        /// Why.
        why: String,
    },
}

/// Sagas with the same verdict for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// The verdict's word.
    pub verdict: &'static str,
    /// In one sentence.
    pub what: String,
    /// So many sagas.
    pub sagas: usize,
    /// Some of them.
    pub examples: Vec<String>,
}

/// All verdicts.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ReplayReport {
    /// Name of the new definition.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub hash: String,
    /// Verdicts by kind and reason, the commonest first.
    pub groups: Vec<Group>,
    /// Every saga, in the order of the recording.
    pub sagas: Vec<Replayed>,
}

/// Replays recorded sagas against a definition.
pub fn replay(
    definition: &Definition,
    recordings: &[Recording],
) -> Result<ReplayReport, Unfoldable> {
    let mut stage = Stage::new(definition);
    let sagas = recordings
        .iter()
        .map(|recording| one(definition, &mut stage, recording))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ReplayReport {
        definition: definition.name.clone(),
        version: definition.version,
        hash: definition.hash.clone(),
        groups: groups(&sagas),
        sagas,
    })
}

fn one(
    definition: &Definition,
    stage: &mut Stage<'_>,
    recording: &Recording,
) -> Result<Replayed, Unfoldable> {
    let id = recording.id.clone();
    let not_judged = |why: String, assumed| Replayed {
        id: recording.id.clone(),
        verdict: Verdict::NotJudged { why },
        assumed,
    };
    let story = recording.story();
    let Some(end) = end_of(recording.status).filter(|_| !story.set_aside) else {
        let why = if story.set_aside {
            "the engine had set it aside"
        } else {
            "it had not ended"
        };
        return Ok(not_judged(why.to_owned(), Vec::new()));
    };
    if recording.definition != definition.name {
        let why = format!("it is a saga of {}", recording.definition);
        return Ok(not_judged(why, Vec::new()));
    }
    let mut world = Recorded::new(definition, &story);
    let begin = start(recording.input.clone());
    let ended = stage.run(&mut world, &begin, Limits::patient())?;
    let (mut would_be, assumed) = (world.life, world.assumed);
    would_be.end.end = ended.end.as_str();
    if let Some(why) = world.untold {
        return Ok(not_judged(why, assumed));
    }
    let verdict = verdict(&recorded_life(recording, end), &would_be);
    Ok(Replayed {
        id,
        verdict,
        assumed,
    })
}

/// The end that a recorded status is, if it is one.
fn end_of(status: Status) -> Option<&'static str> {
    match status {
        Status::Completed | Status::Compensated | Status::Stuck => Some(status.as_str()),
        Status::Running | Status::Waiting | Status::Compensating => None,
    }
}

fn recorded_life(recording: &Recording, end: &'static str) -> Life {
    let mut life = Life::default();
    for (at, event) in recording.events() {
        life.add(at.saturating_sub(recording.started_at()), event);
    }
    life.end.end = end;
    life
}

fn verdict(was: &Life, would_be: &Life) -> Verdict {
    let difference = first_difference(was, would_be);
    match (was.end == would_be.end, difference) {
        (true, None) => Verdict::Same,
        (true, Some((after_ms, difference))) => Verdict::OtherWay {
            after_ms,
            difference,
        },
        (false, difference) => {
            // The same facts with another output: they part at the very end.
            let (after_ms, difference) = difference.unwrap_or_else(|| {
                let after = was.facts.last().map_or(0, |(after, _)| *after);
                (after, other_output())
            });
            Verdict::Different {
                was: Box::new(was.end.clone()),
                would_be: Box::new(would_be.end.clone()),
                after_ms,
                difference,
            }
        }
    }
}

fn other_output() -> Difference {
    Difference {
        step: None,
        was: Some("completed".to_owned()),
        would_be: Some("completed with another output".to_owned()),
    }
}

fn groups(sagas: &[Replayed]) -> Vec<Group> {
    let mut by_reason: BTreeMap<(&'static str, String), Vec<&str>> = BTreeMap::new();
    for saga in sagas {
        by_reason
            .entry(saga.verdict.reason())
            .or_default()
            .push(&saga.id);
    }
    let mut groups: Vec<Group> = by_reason
        .into_iter()
        .map(|((verdict, what), ids)| Group {
            verdict,
            what,
            sagas: ids.len(),
            examples: ids
                .into_iter()
                .take(EXAMPLES_MAX)
                .map(str::to_owned)
                .collect(),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.sagas));
    groups
}

impl Verdict {
    /// The word, and one sentence that is the same for sagas with the same reason.
    fn reason(&self) -> (&'static str, String) {
        match self {
            Verdict::Same => ("same", String::new()),
            Verdict::OtherWay { difference, .. } => ("other_way", difference.sentence()),
            Verdict::Different {
                was,
                would_be,
                difference,
                ..
            } => {
                let sentence =
                    format!("{} -> {}: {}", was.end, would_be.end, difference.sentence());
                ("different", sentence)
            }
            Verdict::NotJudged { why } => ("not_judged", why.clone()),
        }
    }
}

impl Difference {
    /// `capture: succeeded, would be: attempt 2 sent`.
    pub fn sentence(&self) -> String {
        let nothing = || "nothing more".to_owned();
        let step = self
            .step
            .as_ref()
            .map_or_else(String::new, |step| format!("{step}: "));
        format!(
            "{step}{}, would be: {}",
            self.was.clone().unwrap_or_else(nothing),
            self.would_be.clone().unwrap_or_else(nothing)
        )
    }
}
