//! One recorded saga as the API tells it.
//!
//! Fields that are not needed are passed over, for the API may grow; facts of an unknown kind are not, for a saga
//! that is half understood is misunderstood.

use serde::Deserialize;
use serde_json::Value;

use super::attempts::Story;
use super::instant;
use crate::Millis;
use crate::saga::{Event, Status};

/// A recorded saga.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// Name of its definition.
    pub definition: String,
    /// Version of its definition.
    pub version: u32,
    /// Hash of its definition.
    pub hash: String,
    /// Where it stood when it was recorded.
    pub status: Status,
    /// What it was started with.
    pub input: Value,
    pub(crate) rows: Vec<Row>,
}

/// One commit.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) at: Millis,
    /// What led to it, in words.
    pub(crate) by: Vec<String>,
    pub(crate) events: Vec<Event>,
}

/// Something that is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is not what the API tells.
    #[error("saga {number} of the recording is not told as `GET /v1/sagas/{{id}}` tells one")]
    Unreadable {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Its journal does not begin at the beginning, or has a gap.
    #[error("the journal of saga {id} is not complete")]
    Incomplete {
        /// The saga.
        id: String,
    },
    /// An instant that is none.
    #[error("`{text}` in the journal of saga {id} is not an instant")]
    Instant {
        /// The saga.
        id: String,
        /// What is written there.
        text: String,
    },
}

#[derive(Deserialize)]
struct SagaLine {
    id: String,
    definition: DefinitionLine,
    status: Status,
    input: Value,
    journal: Vec<EntryLine>,
}

#[derive(Deserialize)]
struct DefinitionLine {
    name: String,
    version: u32,
    hash: String,
}

#[derive(Deserialize)]
struct EntryLine {
    seq: usize,
    at: String,
    #[serde(default)]
    by: Vec<String>,
    events: Vec<Event>,
}

/// Every saga of a file: JSON documents one after the other, commonly one a line. The first error ends it. One that was
/// lost and found is left out: how it began is not known, so it teaches nothing.
pub fn recordings(text: &str) -> Result<Vec<Recording>, RecordingError> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<SagaLine>()
        .enumerate()
        .map(|(place, saga)| {
            let number = place + 1;
            recording(saga.map_err(|source| RecordingError::Unreadable { number, source })?)
        })
        .filter(|recording| !recording.as_ref().is_ok_and(Recording::was_found))
        .collect()
}

fn recording(saga: SagaLine) -> Result<Recording, RecordingError> {
    let id = saga.id;
    let gapless = saga
        .journal
        .iter()
        .enumerate()
        .all(|(place, entry)| entry.seq == place + 1);
    if !gapless || saga.journal.is_empty() {
        return Err(RecordingError::Incomplete { id });
    }
    let rows = saga
        .journal
        .into_iter()
        .map(|entry| row(&id, entry))
        .collect::<Result<_, _>>()?;
    Ok(Recording {
        id,
        definition: saga.definition.name,
        version: saga.definition.version,
        hash: saga.definition.hash,
        status: saga.status,
        input: saga.input,
        rows,
    })
}

fn row(id: &str, entry: EntryLine) -> Result<Row, RecordingError> {
    let EntryLine {
        seq: _,
        at,
        by,
        events,
    } = entry;
    match instant::parse(&at) {
        Some(at) => Ok(Row { at, by, events }),
        None => Err(RecordingError::Instant {
            id: id.to_owned(),
            text: at,
        }),
    }
}

impl Recording {
    /// What its participants and people did.
    pub(crate) fn story(&self) -> Story {
        Story::of(&self.rows)
    }

    /// Its facts in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = (Millis, &Event)> {
        self.rows
            .iter()
            .flat_map(|row| row.events.iter().map(|event| (row.at, event)))
    }

    fn was_found(&self) -> bool {
        let first = self.rows.first().and_then(|row| row.events.first());
        matches!(first, Some(Event::Found { .. }))
    }

    /// When it began.
    pub(crate) fn started_at(&self) -> Millis {
        self.rows.first().map_or(0, |row| row.at)
    }
}
