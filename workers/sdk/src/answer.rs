//! What handlers answer: the words of the protocol, narrowed to what each kind of handler may say.
//!
//! A handler in a transaction cannot say `unknown`: either its transaction commits or it does not. Only the
//! runtime adds the words that belong to it (`refused`, `expired`, `heartbeat`).

use impresario_protocol::{Outcome, Problem};
use serde::Serialize;
use serde_json::Value;

/// What a forward handler decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<O> {
    /// The effect is done; committed together with the barrier row.
    Done(O),
    /// Business no: nothing was done, nothing ever will be for this key. Stored.
    Rejected(Problem),
    /// Technical failure: no effect is claimed and nothing is stored, so another attempt starts anew.
    Failed(Problem),
    /// It may have happened. Only handlers with effects outside the database may say so.
    Unknown(Problem),
}

impl<O> Verdict<O> {
    /// A business no.
    pub fn rejected(code: impl Into<String>, message: impl Into<String>) -> Self {
        Verdict::Rejected(Problem::new(code, message))
    }

    /// A technical failure.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Verdict::Failed(Problem::new(code, message))
    }
}

impl<O: Serialize> Verdict<O> {
    /// The same verdict with its output as JSON; an output that cannot be JSON is our bug and a failure.
    pub(crate) fn erase(self) -> Verdict<Value> {
        match self {
            Verdict::Done(output) => match serde_json::to_value(output) {
                Ok(value) => Verdict::Done(value),
                Err(error) => Verdict::failed("bad_output", error.to_string()),
            },
            Verdict::Rejected(problem) => Verdict::Rejected(problem),
            Verdict::Failed(problem) => Verdict::Failed(problem),
            Verdict::Unknown(problem) => Verdict::Unknown(problem),
        }
    }
}

impl From<Verdict<Value>> for Outcome {
    fn from(verdict: Verdict<Value>) -> Self {
        match verdict {
            Verdict::Done(output) => Outcome::Succeeded { output },
            Verdict::Rejected(problem) => Outcome::Rejected(problem),
            Verdict::Failed(problem) => Outcome::Failed(problem),
            Verdict::Unknown(problem) => Outcome::Unknown(problem),
        }
    }
}

/// What a compensation achieved. It has no business no: it is undone, or it is tried again.
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// The effect is undone; the output is stored and returned to every repetition.
    Undone(Value),
    /// Not yet; nothing is stored.
    Failed(Problem),
    /// The undoing may have happened. Only for effects outside the database.
    Unknown(Problem),
}

impl Undo {
    /// Undone, with nothing to tell.
    pub fn done() -> Self {
        Undo::Undone(Value::Object(serde_json::Map::new()))
    }
}

/// What became of an effect key whose effect is outside the database, after trying to close it there.
#[derive(Clone, Debug, PartialEq)]
pub enum Closing<O> {
    /// The effect did happen, with this output.
    Applied(O),
    /// It did not, and the provider has made that permanent.
    Closed(Problem),
    /// Cannot be told yet; ask again.
    StillOpen(Problem),
    /// Cannot be told by this participant any more (the provider forgot the key).
    Unknown(Problem),
}

/// An answer in a word, with the code of what went wrong. A business no is nothing wrong.
pub(crate) trait Said {
    /// The word, and the code.
    fn said(&self) -> (&'static str, Option<&str>);
}

impl<O> Said for Verdict<O> {
    fn said(&self) -> (&'static str, Option<&str>) {
        match self {
            Verdict::Done(_) => ("done", None),
            Verdict::Rejected(_) => ("rejected", None),
            Verdict::Failed(problem) => ("failed", Some(&problem.code)),
            Verdict::Unknown(problem) => ("unknown", Some(&problem.code)),
        }
    }
}

impl Said for Undo {
    fn said(&self) -> (&'static str, Option<&str>) {
        match self {
            Undo::Undone(_) => ("undone", None),
            Undo::Failed(problem) => ("failed", Some(&problem.code)),
            Undo::Unknown(problem) => ("unknown", Some(&problem.code)),
        }
    }
}

impl<O> Said for Closing<O> {
    fn said(&self) -> (&'static str, Option<&str>) {
        match self {
            Closing::Applied(_) => ("applied", None),
            Closing::Closed(_) => ("closed", None),
            Closing::StillOpen(problem) => ("still_open", Some(&problem.code)),
            Closing::Unknown(problem) => ("unknown", Some(&problem.code)),
        }
    }
}

/// Why a handler could not come to a verdict. Its transaction is rolled back, so nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The pool's database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A broken promise of our own: something stored cannot be read, counts do not match.
    #[error("{0}")]
    Broken(String),
}

impl HandlerError {
    /// How it is answered: `failed`, with a code that says whether trying again may help.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            HandlerError::Database(error) => Problem::new("database", database_sentence(error)),
            HandlerError::Broken(what) => Problem::new("worker_bug", what.clone()),
        }
    }
}

/// Messages of the database may quote values; only its code and its own short sentence go out.
pub(crate) fn database_sentence(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(database) => format!(
            "the database said {}: {}",
            database.code().unwrap_or_default(),
            database.message()
        ),
        None => "the database could not be reached or used".to_owned(),
    }
}
