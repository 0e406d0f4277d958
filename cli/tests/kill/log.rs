//! The faults of a run, for the records.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::history::History;
use crate::records;

/// What was done to the platform.
pub(crate) struct Log {
    clock: Arc<History>,
    lines: Vec<Value>,
}

impl Log {
    /// On the history's clock.
    pub(crate) fn new(clock: Arc<History>) -> Log {
        Log {
            clock,
            lines: Vec::new(),
        }
    }

    /// A fault that is over by now.
    pub(crate) fn note(&mut self, from_us: i64, what: String) {
        let until_us = self.clock.now_us();
        self.lines
            .push(json!({ "from_us": from_us, "until_us": until_us, "what": what }));
    }

    pub(crate) fn write(&self, records: &Path) {
        records::lines(&records.join("faults.ndjson"), &self.lines);
    }
}
