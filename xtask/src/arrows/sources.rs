//! The source files of the workspace, and their code without comments and tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// All `.rs` files below a folder, in order. A folder that is not there has none.
pub(super) fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(folder, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
    for path in list(folder)? {
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The `src` folders of all packages: those at the root and one level down, as `workers/sdk`.
pub(super) fn packages(root: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for first in list(root)?.into_iter().filter(|path| is_ours(path)) {
        if first.join("Cargo.toml").is_file() {
            found.push(first.join("src"));
            continue;
        }
        let below = list(&first)?;
        found.extend(
            below
                .iter()
                .filter(|path| path.join("Cargo.toml").is_file())
                .map(|p| p.join("src")),
        );
    }
    found.sort();
    Ok(found)
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.is_dir() && !name.starts_with('.') && !name.starts_with("target")
}

fn list(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let problem = |e: std::io::Error| format!("could not list {}: {e}", folder.display());
    fs::read_dir(folder)
        .map_err(problem)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(problem))
        .collect()
}

pub(super) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|e| format!("could not read {}: {e}", path.display()))
}

/// The code that is shipped: without comments, and without the test module at the end.
pub(super) fn shipped(source: &str) -> String {
    let code = source
        .split_once("#[cfg(test)]\nmod ")
        .map_or(source, |(code, _tests)| code);
    code.lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _comment)| code))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether a word stands in the code by itself, not as a part of a longer one.
pub(super) fn names(code: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_not_shipped_and_words_are_whole() {
        let source = "let a = 1; // rand\nlet random = 2;\n#[cfg(test)]\nmod tests { use rand; }";
        let code = shipped(source);
        assert_eq!(code, "let a = 1; \nlet random = 2;");
        assert!(!names(&code, "rand"));
        assert!(names("use rand::Rng;", "rand"));
    }
}
