//! What is to become of each lost saga. Everything that the database knows of them is asked first; the rest is ordinary
//! code: the heart itself says whether a saga that has come so far can be undone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use impresario_workflows::definition::Kind;
use impresario_workflows::saga::{Input, Lost, Moment, Refusal, Stamp, State, decide};
use impresario_workflows::{Definition, Millis, SagaId};
use sqlx::PgConnection;

use super::fit::fit;
use super::{Remembered, key_of};
use crate::store;
use crate::store::definitions::{Stored, of_version};
use crate::store::orphans::{dropped, known};

/// What is to become of a lost saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It can be undone.
    Undo,
    /// It was heard of not long ago: somebody may be starting it again, or a task may still be under way.
    Young,
    /// It may be past its pivot, or have completed: a human decides.
    PastThePivot,
    /// The database has no definition that explains it.
    NoDefinition,
    /// It runs other sagas, or is run by one: it is not undone alone.
    Related,
    /// Not everything that its participants remember was looked at.
    NotLooked,
    /// Its day was dropped after all its sagas had ended: it is not lost.
    Forgotten,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 7] = [
        Verdict::Undo,
        Verdict::Young,
        Verdict::PastThePivot,
        Verdict::NoDefinition,
        Verdict::Related,
        Verdict::NotLooked,
        Verdict::Forgotten,
    ];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Undo => "undo",
            Verdict::Young => "young",
            Verdict::PastThePivot => "past_the_pivot",
            Verdict::NoDefinition => "no_definition",
            Verdict::Related => "related",
            Verdict::NotLooked => "not_looked",
            Verdict::Forgotten => "forgotten",
        }
    }
}

/// A lost saga with its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its id.
    pub id: SagaId,
    /// What is to become of it.
    pub verdict: Verdict,
    /// Why, in a sentence; nothing when it can simply be undone.
    pub why: Option<String>,
    /// The units that would be undone, last first.
    pub undoes: Vec<String>,
    /// What makes it anew, when it can be undone.
    pub(super) anew: Option<(Stored, Lost)>,
}

/// What a judge goes by.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'t> {
    /// The pools whose barriers were read to their end.
    pub pools: &'t [String],
    /// A saga that was heard of within this time is left alone.
    pub grace: Duration,
    /// The instant, after everything was read.
    pub now: Millis,
}

/// Judges those that the database does not know and that have left something; how many it knows.
pub async fn judge(
    connection: &mut PgConnection,
    sagas: &[Remembered],
    terms: Terms<'_>,
    stamp: &Stamp,
) -> Result<(Vec<Judged>, usize), store::Error> {
    let ids: Vec<SagaId> = sagas.iter().map(|saga| saga.id).collect();
    let known = known(connection, &ids, terms.now).await?;
    let lost: Vec<&Remembered> = sagas
        .iter()
        .filter(|saga| !known.contains(&saga.id) && saga.has_effects())
        .collect();
    let days: BTreeSet<u32> = lost.iter().map(|saga| saga.id.day()).collect();
    let dropped = dropped(connection, &days).await?;
    let mut definitions = Definitions::default();
    let mut judged = Vec::with_capacity(lost.len());
    for saga in lost {
        let stored = definitions.of(connection, saga).await?;
        judged.push(one(saga, stored, &dropped, terms, stamp));
    }
    Ok((judged, known.len()))
}

/// Versions that were looked up: sagas of one page are mostly of one.
#[derive(Default)]
struct Definitions {
    found: HashMap<(String, String), Option<Stored>>,
}

impl Definitions {
    async fn of(
        &mut self,
        connection: &mut PgConnection,
        saga: &Remembered,
    ) -> Result<Option<Stored>, store::Error> {
        let (Some(name), Some(version)) = (&saga.definition, &saga.version) else {
            return Ok(None);
        };
        let key = (name.clone(), version.clone());
        if let Some(found) = self.found.get(&key) {
            return Ok(found.clone());
        }
        let found = of_version(connection, name, version).await?;
        self.found.insert(key, found.clone());
        Ok(found)
    }
}

fn one(
    saga: &Remembered,
    stored: Option<Stored>,
    dropped: &HashSet<u32>,
    terms: Terms<'_>,
    stamp: &Stamp,
) -> Judged {
    let bare = |verdict: Verdict, why: String| Judged {
        id: saga.id,
        verdict,
        why: Some(why),
        undoes: Vec::new(),
        anew: None,
    };
    if dropped.contains(&saga.id.day()) {
        let why = "the sagas of its day have ended, and are no longer kept";
        return bare(Verdict::Forgotten, why.to_owned());
    }
    if let Some(parent) = &saga.parent {
        return bare(Verdict::Related, format!("it is a step of saga {parent}"));
    }
    let Some(stored) = stored else {
        let (name, version) = (saga.definition.as_deref(), saga.version.as_deref());
        let why = match (name, version) {
            (Some(name), Some(version)) => {
                format!("version {version}… of definition {name} is not stored")
            }
            (_, _) => "nobody was told what it is a saga of".to_owned(),
        };
        return bare(Verdict::NoDefinition, why);
    };
    let definition = &stored.definition;
    let silent_ms = terms.now.saturating_sub(saga.last_at());
    let patience_ms = patience_ms(definition, terms.grace);
    if silent_ms < patience_ms {
        let why = format!(
            "it was heard of {} s ago, and is left alone for {} s",
            silent_ms / 1000,
            patience_ms / 1000
        );
        return bare(Verdict::Young, why);
    }
    if definition
        .steps
        .iter()
        .any(|step| matches!(step.kind, Kind::Saga(_)))
    {
        return bare(Verdict::Related, "it runs other sagas".to_owned());
    }
    let unread = definition
        .pools()
        .into_iter()
        .find(|pool| !terms.pools.contains(pool));
    if let Some(pool) = unread {
        let why = format!("what {pool} remembers was not looked at");
        return bare(Verdict::NotLooked, why);
    }
    let stamp = Stamp {
        key: key_of(saga.id),
        ..stamp.clone()
    };
    match fit(definition, saga, stamp) {
        Ok(lost) => prospect(saga.id, &stored, lost, terms.now),
        Err(why) => bare(
            Verdict::NoDefinition,
            format!("it does not fit version {}: {why}", definition.version),
        ),
    }
}

/// A task that nobody has started in its time is not started any more; one that was, is answered in its time.
fn patience_ms(definition: &Definition, grace: Duration) -> Millis {
    let timeouts = definition.steps.iter().map(|step| step.timeout_ms);
    let grace = Millis::try_from(grace.as_millis()).unwrap_or(Millis::MAX);
    timeouts.max().unwrap_or_default().max(grace)
}

/// What the heart makes of it.
fn prospect(id: SagaId, stored: &Stored, lost: Lost, now: Millis) -> Judged {
    let definition = &stored.definition;
    let unborn = State::unborn(&id.to_string(), definition);
    let moment = Moment {
        now,
        jitter_permille: 0,
    };
    let found = Input::Found(lost.clone());
    match decide(definition, &unborn, &found, moment) {
        Ok(decision) => {
            let next = decision.next;
            let undoes = (0..next.steps.len())
                .rev()
                .filter(|unit| next.owes_undo(definition, *unit))
                .map(|unit| next.unit_name(definition, unit))
                .collect();
            let parked = next.parked(definition).next();
            let why = parked.map(|(unit, _, problem)| {
                let unit = next.unit_name(definition, unit);
                format!("`{unit}` will stand before a human: {}", problem.message)
            });
            Judged {
                id,
                verdict: Verdict::Undo,
                why,
                undoes,
                anew: Some((stored.clone(), lost)),
            }
        }
        Err(refusal) => {
            let verdict = match refusal {
                Refusal::PastPivot { .. } | Refusal::MayHaveCompleted => Verdict::PastThePivot,
                Refusal::Unfoldable(_)
                | Refusal::NothingParked { .. }
                | Refusal::NotParked { .. }
                | Refusal::NotStarted { .. }
                | Refusal::NoSuchSignal { .. }
                | Refusal::TooManySignals { .. }
                | Refusal::NotWaiting { .. }
                | Refusal::NotAllowed { .. }
                | Refusal::OtherDefinition { .. }
                | Refusal::CameTo { .. } => Verdict::NoDefinition,
            };
            Judged {
                id,
                verdict,
                why: Some(refusal.to_string()),
                undoes: Vec::new(),
                anew: None,
            }
        }
    }
}
