//! What can go wrong with the reading.

/// The sales cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka.
    #[error(transparent)]
    Feed(#[from] impresario_feed::Error),
    /// The database.
    #[error("cannot {doing} the sales")]
    Store {
        /// What we were doing.
        doing: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// An event that cannot be read.
    #[error("cannot read event {key} #{sequence}")]
    Unreadable {
        /// Its key.
        key: String,
        /// Its number.
        sequence: i64,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Events are missing: what we would count from here on would be wrong.
    #[error("of {key} number {expected} is missing, and {found} is there")]
    Gap {
        /// Which key.
        key: String,
        /// What should have come.
        expected: i64,
        /// What came.
        found: i64,
    },
    /// A topic that nobody has told anything to yet.
    #[error("there is no topic {topic} yet")]
    Absent {
        /// Which one.
        topic: String,
    },
    /// Kafka answers, and does not give what it says it has.
    #[error("the feed does not go on")]
    Silent,
}
