//! Licences, bans and sources of everything we depend on, as `deny.toml` wants them.
//!
//! `cargo deny` checks that file in full, and runs here when it is installed. It takes longer to build than our whole
//! tree, though, so what must never slip through is also read from `cargo tree` here: no CI without a check.

use std::collections::BTreeSet;
use std::fs;

use crate::{Outcome, cargo};

/// What `deny.toml` says, as far as we read it.
#[derive(Debug, Default)]
struct Policy {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
}

/// A package that we depend on.
#[derive(Debug)]
struct Package {
    name: String,
    /// Empty for the default registry; else a folder or an address.
    source: String,
    licence: String,
}

pub(crate) fn run() -> Outcome {
    let root = cargo::root();
    let path = root.join("deny.toml");
    let text =
        fs::read_to_string(&path).map_err(|e| format!("could not read {}: {e}", path.display()))?;
    let policy = Policy::parse(&text);
    let packages = packages()?;
    let home = root.display().to_string();
    let findings: Vec<String> = packages
        .iter()
        .filter_map(|package| policy.finding(package, &home))
        .collect();
    for finding in &findings {
        println!("  {finding}");
    }
    if !findings.is_empty() {
        return Err(format!("{} finding(s), listed above", findings.len()));
    }
    println!(
        "  {} packages: licences, bans and sources are as they should be",
        packages.len()
    );
    if !cargo::has("deny") {
        println!("  (cargo-deny is not installed: who may use sqlx and lapin was not checked)");
        return Ok(());
    }
    cargo::check(&mut cargo::cargo([
        "deny", "check", "bans", "licenses", "sources",
    ]))
}

impl Policy {
    /// The `allow` list of licences and the `deny` list of packages. A full reader is cargo-deny's business.
    fn parse(text: &str) -> Self {
        let mut policy = Self::default();
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') && line.ends_with(']') {
                section = line;
            } else if section == "[licenses]" && line.starts_with('"') {
                policy.licences.extend(quoted(line));
            } else if section == "[bans]"
                && let Some(entry) = line.strip_prefix("{ crate = ")
                && !entry.contains("wrappers")
            {
                policy.banned.extend(quoted(entry));
            }
        }
        policy
    }

    fn finding(&self, package: &Package, home: &str) -> Option<String> {
        let Package {
            name,
            source,
            licence,
        } = package;
        if self.banned.contains(name) {
            return Some(format!(
                "{name} is banned (cargo tree -i {name} tells who brings it)"
            ));
        }
        if !source.is_empty() && !source.starts_with(home) {
            return Some(format!(
                "{name} comes from {source}, not from the default registry"
            ));
        }
        if !allows(licence, &self.licences) {
            return Some(format!(
                "{name} has the licence `{licence}`, which is not allowed"
            ));
        }
        None
    }
}

/// The first quoted text of a line.
fn quoted(line: &str) -> Option<String> {
    line.split('"').nth(1).map(str::to_owned)
}

/// Everything that is compiled on this machine for the workspace.
fn packages() -> Outcome<Vec<Package>> {
    let words = [
        "tree",
        "--locked",
        "--workspace",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ];
    let printed = cargo::read(cargo::cargo(words).args(["--format", "{p}|{l}", "--no-dedupe"]))?;
    let lines: BTreeSet<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    lines
        .into_iter()
        .map(|line| {
            let (package, licence) = line
                .rsplit_once('|')
                .ok_or_else(|| format!("cargo tree printed `{line}`"))?;
            let name = package.split(' ').next().unwrap_or_default().to_owned();
            // `name v1.0.0 (proc-macro) (/folder)`: the last bracket is the source, if there is any.
            let bracket = package
                .rsplit_once('(')
                .map(|(_, source)| source.trim_end_matches(')'));
            let source = bracket
                .filter(|text| *text != "proc-macro")
                .unwrap_or_default()
                .to_owned();
            Ok(Package {
                name,
                source,
                licence: licence.to_owned(),
            })
        })
        .collect()
}

/// Whether a licence expression can be met with allowed licences: `MIT OR (Apache-2.0 AND ISC)`.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // An old form writes OR as a slash.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    !rest.is_empty() && any(&mut rest, allowed) && rest.is_empty()
}

/// `a OR b OR ...`. All parts are read, whatever the first ones say.
fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = all(rest, allowed);
    while take(rest, "OR") {
        met |= all(rest, allowed);
    }
    met
}

/// `a AND b AND ...` binds tighter.
fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = one(rest, allowed);
    while take(rest, "AND") {
        met &= one(rest, allowed);
    }
    met
}

/// A licence, with its exception if it has one, or a bracket.
fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    if take(rest, "(") {
        let met = any(rest, allowed);
        return take(rest, ")") && met;
    }
    let Some((name, after)) = rest.split_first() else {
        return false;
    };
    *rest = after;
    if !take(rest, "WITH") {
        return allowed.contains(*name);
    }
    let Some((exception, after)) = rest.split_first() else {
        return false;
    };
    *rest = after;
    allowed.contains(&format!("{name} WITH {exception}"))
}

/// Takes the next word when it is this one.
fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == word => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
[licenses]
allow = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
]
[bans]
deny = [
    { crate = "openssl-sys", reason = "no" },
    { crate = "sqlx", wrappers = [
        "orchestrator",
    ] },
]
"#;

    #[test]
    fn the_policy_is_read_and_a_wrapped_package_is_not_banned() {
        let policy = Policy::parse(POLICY);
        assert_eq!(policy.licences.len(), 3);
        assert_eq!(policy.banned.iter().collect::<Vec<_>>(), ["openssl-sys"]);
    }

    #[test]
    fn a_licence_expression_is_met_or_not() {
        let allowed = Policy::parse(POLICY).licences;
        for met in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR Apache-2.0 AND MIT",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(met, &allowed), "{met}");
        }
        for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT WITH other"] {
            assert!(!allows(unmet, &allowed), "{unmet}");
        }
    }
}
