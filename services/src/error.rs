//! What went wrong with a private server, told so that the reader can mend it.
//!
//! Every error has three parts: the cause (what we were doing and what happened), the evidence (the last lines of
//! the server's log) and the fix (a command to run). All of it is in `Display`: these errors end on a terminal.

use std::fmt;
use std::path::Path;

/// A private server could not be had, with cause, evidence and fix.
#[derive(Debug, Clone)]
pub struct Error {
    cause: String,
    evidence: Vec<String>,
    fix: Option<String>,
}

impl Error {
    /// `cause` says what we were doing and what happened.
    pub(crate) fn new(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            evidence: Vec::new(),
            fix: None,
        }
    }

    /// A file operation that failed: which one, on what, and why.
    pub(crate) fn io(doing: &str, path: &Path, source: &std::io::Error) -> Self {
        Self::new(format!("could not {doing} {}: {source}", path.display()))
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the last lines of a log as evidence.
    pub(crate) fn log(mut self, path: &Path) -> Self {
        self.evidence = crate::log::tail(path, 15);
        self.evidence.insert(0, format!("{}:", path.display()));
        self
    }

    /// Adds what a helper program printed as evidence.
    pub(crate) fn output(mut self, printed: &[u8]) -> Self {
        let text = String::from_utf8_lossy(printed);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.evidence = lines[lines.len().saturating_sub(15)..].to_vec();
        self
    }

    /// The command that mends it, if we know one.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.cause)?;
        for line in &self.evidence {
            write!(out, "\n  | {line}")?;
        }
        match &self.fix {
            Some(fix) => write!(out, "\n  fix: {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
