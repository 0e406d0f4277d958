//! Orphans: effects whose saga the engine's database has lost, because it went back to an earlier moment.
//!
//! Participants remember them in their barriers. Whoever has read those (`impresario orphans`) asks here: which sagas does
//! the database not know, what is to become of each (`judge`), and, when that is ordered, their undoing (`undo`): a
//! lost saga is made anew under its own id from what participants know of it (`fit`) and turned around in its first
//! commit. From there on it is a saga like any other: its compensations go by effect key, it is reconciled, it may stand
//! before a human.
//!
//! The order of reading is what makes this safe: an effect is read first, the database is asked afterwards. A saga is
//! committed before its first task is sent, so one that was alive is known by then.
//!
//! Not promised: a start that is repeated on another day than its first, in the moments in which its lost saga is being
//! undone, is another saga with the same effects, and may meet some that are undone a moment later.

mod fit;
mod judge;
mod undo;

use impresario_protocol::EffectKey;
use impresario_workflows::{Millis, SagaId};
use serde::Deserialize;
use serde_json::Value;

pub use judge::{Judged, Terms, Verdict, judge};
pub use undo::{UndoError, undo};

/// The idempotency key under which a lost saga is made anew: its own is not known. The same whichever day its id is of.
pub fn key_of(id: SagaId) -> String {
    format!("found/{}", id.effect_part())
}

/// A saga as its participants remember it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Remembered {
    /// Its id.
    pub id: SagaId,
    /// The name of its definition, when somebody was told.
    pub definition: Option<String>,
    /// The first digits of the hash of that definition.
    pub version: Option<String>,
    /// The saga that runs it as a step.
    pub parent: Option<String>,
    /// When it was started.
    pub started_at: Millis,
    /// Its effects.
    pub effects: Vec<Effect>,
}

/// An effect as its participant remembers it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Effect {
    /// The forward effect's key.
    pub effect: EffectKey,
    /// Who remembers it.
    pub pool: String,
    /// The task's name.
    pub task: String,
    /// What is known.
    pub state: Kept,
    /// Since when.
    pub at: Millis,
    /// What the task was asked with.
    #[serde(default)]
    pub input: Value,
    /// Output when it succeeded, problem when it was rejected.
    #[serde(default)]
    pub outcome: Value,
}

/// What a barrier row says of its effect; the words are those of the workers' tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// It may have happened.
    Intent,
    /// It happened.
    Succeeded,
    /// It never will.
    Rejected,
    /// Its key is being closed.
    Closing,
    /// It is being undone.
    Undoing,
    /// It never will.
    Tombstone,
    /// It happened and was undone.
    Compensated,
}

impl Kept {
    /// Every word.
    pub const ALL: [&str; 7] = [
        "intent",
        "succeeded",
        "rejected",
        "closing",
        "undoing",
        "tombstone",
        "compensated",
    ];

    /// Whether something is there, or may be.
    pub fn is_unclosed(self) -> bool {
        match self {
            Kept::Intent | Kept::Succeeded | Kept::Closing | Kept::Undoing => true,
            Kept::Rejected | Kept::Tombstone | Kept::Compensated => false,
        }
    }
}

impl Remembered {
    /// Whether anything of it is left to undo.
    pub fn has_effects(&self) -> bool {
        self.effects.iter().any(|effect| effect.state.is_unclosed())
    }

    /// When something was last heard of it.
    pub fn last_at(&self) -> Millis {
        let effects = self.effects.iter().map(|effect| effect.at);
        effects.max().unwrap_or_default().max(self.started_at)
    }
}
