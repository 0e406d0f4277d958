//! Which modules may name each other inside the orchestrator, and what the pure workflows may not mention at all.
//!
//! The store, the broker and the feed never name each other; only the wiring sees all. Rust's own privacy cannot
//! say that inside one package, so the sources are read.

use std::path::Path;

use super::sources::{names, read, rust_files, shipped};
use crate::Outcome;

/// A module of the orchestrator, and the modules it must not name.
const MODULES: [(&str, &[&str]); 3] = [
    ("store", &["broker", "feed", "lane", "api"]),
    ("broker", &["store", "feed", "lane", "api"]),
    ("feed", &["store", "broker"]),
];

/// What would let the world into the pure workflows.
const IMPURE: [&str; 7] = [
    "SystemTime",
    "Instant::now",
    "rand",
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
];

pub(super) fn findings(root: &Path) -> Outcome<Vec<String>> {
    let mut findings = Vec::new();
    let orchestrator = root.join("orchestrator/src");
    for (module, others) in MODULES {
        let mut files = rust_files(&orchestrator.join(module))?;
        let single = orchestrator.join(format!("{module}.rs"));
        files.extend(single.is_file().then_some(single));
        for file in files.iter().filter(|file| is_shipped(file)) {
            let code = shipped(&read(file)?);
            for other in others.iter().filter(|other| names_module(&code, other)) {
                findings.push(format!("{}: {module} names {other}", shown(root, file)));
            }
        }
    }
    for file in rust_files(&root.join("workflows/src"))?
        .iter()
        .filter(|file| is_shipped(file))
    {
        let code = shipped(&read(file)?);
        for word in IMPURE.iter().filter(|word| names(&code, word)) {
            findings.push(format!(
                "{}: {word} in the pure workflows",
                shown(root, file)
            ));
        }
    }
    Ok(findings)
}

/// `crate::broker`, `crate::{.., broker::X, ..}`, or the same by way of `super`.
fn names_module(code: &str, module: &str) -> bool {
    let flat: String = code
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(":: ", "::");
    ["crate::", "super::"].iter().any(|start| {
        flat.match_indices(start).any(|(at, _)| {
            let after = &flat[at + start.len()..];
            match after.strip_prefix('{') {
                Some(group) => top_level(group).iter().any(|name| name == module),
                None => first_name(after) == module,
            }
        })
    })
}

/// The first name of each entry of a `use` group, up to its closing brace.
fn top_level(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut entries = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => entries.push(String::new()),
            _ => {}
        }
        if let Some(entry) = entries.last_mut().filter(|_| c != ',') {
            entry.push(c);
        }
    }
    entries
        .iter()
        .map(|entry| first_name(entry.trim()).to_owned())
        .collect()
}

fn first_name(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
}

fn is_shipped(file: &Path) -> bool {
    !file
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root)
        .unwrap_or(file)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_found_in_paths_and_in_groups_but_not_in_longer_names() {
        assert!(names_module("let x = crate::broker::publish();", "broker"));
        assert!(names_module(
            "use crate::{\n    lane::Lane,\n    broker::{A, B},\n};",
            "broker"
        ));
        assert!(names_module("use super::broker;", "broker"));
        assert!(!names_module("use crate::{lane::{broker, x}};", "broker"));
        assert!(!names_module(
            "use crate::brokerage::X; let broker = 1;",
            "broker"
        ));
    }
}
