//! Files that people hand to commands: read with the exit code that fits, definitions checked.

use std::io::ErrorKind;
use std::path::Path;

use impresario_workflows::Definition;
use impresario_workflows::definition::{Diagnostic, render};

use crate::exit::{Code, coded};

/// The text of a file.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => coded(Code::NotFound, format!("there is no file {name}")),
        _ => coded(Code::Failed, format!("cannot read {name}: {error}")),
    })
}

/// The definition in a file; one that is refused is an error with everything that is wrong with it.
pub(crate) fn definition(path: &Path) -> anyhow::Result<Definition> {
    let text = text(path)?;
    let name = path.display().to_string();
    Definition::parse(&name, &text).map_err(|problems| refused(&name, &text, &problems))
}

/// A file that is refused.
pub(crate) fn refused(name: &str, text: &str, problems: &[Diagnostic]) -> anyhow::Error {
    let told = render(problems, name, text);
    coded(
        Code::Failed,
        format!("{name} is refused\n\n{}", told.trim_end()),
    )
}
