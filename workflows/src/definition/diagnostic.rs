//! One problem of a definition: a stable code, a sentence, a place, and what to do about it.
//!
//! Not here: how it is drawn under the text (`render`), and the list of codes (`code`).

use std::fmt;

use super::code::Code;
use super::node::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted; the author should look again.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// Stable code (`SG012`): the same in the command line, the API and the console.
    pub code: &'static str,
    /// Whether the definition is refused.
    pub severity: Severity,
    /// What is wrong, in words.
    pub message: String,
    /// Name of the file, as the caller gave it.
    pub source_name: String,
    /// Line, from 1; 0 when the content did not come from text.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters to underline.
    pub length: u32,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Error, place, message)
    }

    pub(crate) fn warning(code: Code, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Warning, place, message)
    }

    fn new(code: Code, severity: Severity, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: code.0,
            severity,
            message: message.into(),
            source_name: String::new(),
            line: place.line,
            column: place.column,
            length: place.length,
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn with_help_if(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// Whether the definition is refused because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.source_name, self.line, self.column)?;
        }
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)
    }
}
