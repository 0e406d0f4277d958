//! Exit codes, the same for every command, and errors that carry one.
//!
//! 0 ok · 1 failed · 2 usage (also what the command line parser uses) · 3 not found · 4 conflict or refused ·
//! 5 timeout or unavailable · 6 disproved · 7 not proved. `docs/cli.md` tells them to users.

use std::fmt;
use std::process::ExitCode;

/// What an error means to the caller of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Failed,
    Usage,
    NotFound,
    Conflict,
    Unavailable,
    Disproved,
    NotProved,
}

impl Code {
    pub(crate) fn number(self) -> u8 {
        match self {
            Code::Failed => 1,
            Code::Usage => 2,
            Code::NotFound => 3,
            Code::Conflict => 4,
            Code::Unavailable => 5,
            Code::Disproved => 6,
            Code::NotProved => 7,
        }
    }
}

/// An error with its exit code: cause, evidence and fix, as people read them.
#[derive(Debug)]
pub(crate) struct Coded {
    code: Code,
    text: String,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Coded {}

/// An error that ends the program with this code.
pub(crate) fn coded(code: Code, text: impl Into<String>) -> anyhow::Error {
    let text = text.into();
    anyhow::Error::new(Coded { code, text })
}

/// The code of an error: its own, wherever it is in the chain, or 1.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Coded>())
        .map_or(Code::Failed, |coded| coded.code)
}

/// Says what went wrong, the whole chain once, and gives the exit code.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(code_of(error).number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_below_what_was_said_about_it() {
        let error = coded(Code::NotFound, "no such saga").context("show it");
        assert_eq!(code_of(&error), Code::NotFound);
        assert_eq!(format!("{error:#}"), "show it: no such saga");
        assert_eq!(code_of(&anyhow::anyhow!("anything else")), Code::Failed);
    }
}
