//! Small rules for every source file: it says what it is for, and its name says it too.

use std::path::Path;

use super::sources::{packages, read, rust_files};
use crate::Outcome;

/// Names that say nothing: what lands in such a file has no home yet.
const NAMELESS: [&str; 4] = ["utils.rs", "common.rs", "helpers.rs", "misc.rs"];

/// A file this short is a placeholder: there is nothing yet to say about it.
const STUB_LINES: usize = 2;

pub(super) fn findings(root: &Path) -> Outcome<Vec<String>> {
    let mut findings = Vec::new();
    for source in packages(root)? {
        for file in rust_files(&source)? {
            let shown = file.strip_prefix(root).unwrap_or(&file).display();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if NAMELESS.contains(&name.as_ref()) {
                findings.push(format!("{shown}: name it after what it is about"));
            }
            let text = read(&file)?;
            if !text.starts_with("//!") && text.lines().count() > STUB_LINES {
                findings.push(format!("{shown}: does not begin with a //! header"));
            }
        }
    }
    Ok(findings)
}
