//! What can go wrong with the store, and whether trying again helps.

use impresario_workflows::SagaId;

/// A statement did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Opening the database.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// Bringing the schema up to date.
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement.
    #[error("cannot {doing}")]
    Statement {
        /// What we were doing.
        doing: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// A journal row that this binary cannot read: written by a newer one, or damaged.
    #[error("cannot read journal row {seq} of saga {saga}")]
    Journal {
        /// The saga.
        saga: SagaId,
        /// The row.
        seq: i32,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A stored definition that this binary cannot compile.
    #[error("cannot compile stored definition {id}: {reason}")]
    Definition {
        /// Its row.
        id: i32,
        /// Why not.
        reason: String,
    },
    /// Name and version are taken by other content.
    #[error(
        "definition {name} version {version} exists with other content: give the new content a new version"
    )]
    VersionTaken {
        /// Definition name.
        name: String,
        /// Version.
        version: u32,
    },
}

impl Error {
    /// Wraps a driver error with what we were doing.
    pub(crate) fn doing(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Statement { doing, source }
    }
}

/// What an error of one statement says about its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aftermath {
    /// The server answered with an error: nothing was committed; the same again may work.
    Transient,
    /// The server answered with an error: nothing was committed; the same again fails again.
    Definite,
    /// No clear answer: it may have been committed.
    Unknown,
}

/// SQLSTATE `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";

/// Whether it was a standby that answered, at the primary's address: it is promoted soon, or another server gets the
/// address.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    has_code(error, READ_ONLY)
}

/// Whether the server answered with this SQLSTATE.
pub(super) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    let database = error.as_database_error();
    database.and_then(|error| error.code()).as_deref() == Some(code)
}

/// Reads the aftermath of a failed autocommit statement.
pub(super) fn aftermath(error: &sqlx::Error) -> Aftermath {
    let sqlx::Error::Database(database) = error else {
        return Aftermath::Unknown;
    };
    let code = database.code().unwrap_or_default();
    if code == READ_ONLY {
        return Aftermath::Transient;
    }
    match code.get(..2) {
        // Connection exceptions and shutdowns: the commit may have happened before them.
        Some("08" | "57" | "58" | "XX" | "F0") => Aftermath::Unknown,
        // Serialization failures, deadlocks, lock timeouts, exhausted resources.
        Some("40" | "55" | "53") => Aftermath::Transient,
        _ => Aftermath::Definite,
    }
}
