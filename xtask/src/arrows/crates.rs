//! Which package may depend on which, read from `cargo tree`.
//!
//! The reasons are in ARCHITECTURE.md: the heart stays pure so that it can be explored and replayed, and workers
//! stay free of the engine so that they can be written in any language.

use crate::{Outcome, cargo};

/// Packages, and what must not be among anything they depend on.
struct Never {
    who: &'static [&'static str],
    whom: &'static [&'static str],
    why: &'static str,
}

const WORKERS: &[&str] = &[
    "impresario-sales",
    "impresario-worker-sdk",
    "impresario-catalog",
    "impresario-payment",
    "impresario-booking",
    "impresario-notification",
];

const RULES: [Never; 9] = [
    Never {
        who: &["impresario-workflows"],
        whom: &[
            "tokio", "sqlx", "lapin", "axum", "reqwest", "hyper", "tracing", "rand",
        ],
        why: "workflows is pure: no I/O, no async, no clock, no randomness",
    },
    Never {
        who: &["impresario-workflows"],
        whom: &[
            "impresario-orchestrator",
            "impresario-protocol",
            "impresario-worker-sdk",
            "impresario-services",
            "impresario-metrics",
            "impresario-traces",
        ],
        why: "workflows knows nobody",
    },
    Never {
        who: &["impresario-metrics"],
        whom: &[
            "impresario-workflows",
            "impresario-protocol",
            "impresario-orchestrator",
            "tokio",
            "axum",
        ],
        why: "metrics is a table that everybody may name: it knows nobody, and serves nothing",
    },
    Never {
        who: &["impresario-traces"],
        whom: &[
            "impresario-workflows",
            "impresario-protocol",
            "impresario-orchestrator",
            "impresario-worker-sdk",
            "axum",
            "tonic",
            "opentelemetry",
        ],
        why: "traces tells what it is given: it knows no sagas, and holds no spans",
    },
    Never {
        who: &["impresario-dashboards"],
        whom: &["impresario-orchestrator", "impresario-workflows", "tokio"],
        why: "boards and alerts are made of the table alone",
    },
    Never {
        who: &["impresario-feed"],
        whom: &[
            "sqlx",
            "impresario-workflows",
            "impresario-protocol",
            "impresario-orchestrator",
            "impresario-worker-sdk",
        ],
        why: "the feed knows neither sagas nor pools, nor where their rows are",
    },
    Never {
        who: WORKERS,
        whom: &[
            "impresario-orchestrator",
            "impresario-workflows",
            "impresario-cli",
        ],
        why: "workers know the protocol, not the engine",
    },
    Never {
        who: &["impresario-orchestrator"],
        whom: &[
            "impresario-worker-sdk",
            "impresario-catalog",
            "impresario-payment",
            "impresario-booking",
            "impresario-notification",
            "impresario-sales",
            "impresario-cli",
        ],
        why: "the engine reaches workers by messages only",
    },
    Never {
        who: &[
            "impresario-orchestrator",
            "impresario-worker-sdk",
            "impresario-payment",
            "impresario-booking",
            "impresario-notification",
        ],
        whom: &["redis"],
        why: "what is decided rests on nothing that may be forgotten: Redis keeps the catalogue's pages alone",
    },
];

/// The protocol's direct dependencies: it is compiled by everyone, and copied by other languages.
const PROTOCOL_MAY: [&str; 3] = ["serde", "serde_json", "thiserror"];

pub(super) fn findings() -> Outcome<Vec<String>> {
    let mut findings = Vec::new();
    for rule in RULES {
        for who in rule.who {
            let tree = Tree::of(who)?;
            for whom in rule.whom {
                if let Some(path) = tree.path_to(whom) {
                    findings.push(format!("{path}: {}", rule.why));
                }
            }
        }
    }
    for name in Tree::of("impresario-protocol")?.direct() {
        if !PROTOCOL_MAY.contains(&name) {
            findings.push(format!(
                "impresario-protocol -> {name}: the protocol depends on {} only",
                PROTOCOL_MAY.join(", ")
            ));
        }
    }
    Ok(findings)
}

/// A package's dependencies as cargo prints them: depth and name, depth first.
#[derive(Debug)]
struct Tree {
    lines: Vec<(usize, String)>,
}

impl Tree {
    fn of(package: &str) -> Outcome<Self> {
        let words = [
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "depth",
            "--package",
        ];
        let printed = cargo::read(cargo::cargo(words).arg(package))?;
        Ok(Self {
            lines: printed.lines().filter_map(parse).collect(),
        })
    }

    fn direct(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter(|(depth, _)| *depth == 1)
            .map(|(_, name)| name.as_str())
    }

    /// How the package comes to depend on another: `a -> b -> c`.
    fn path_to(&self, name: &str) -> Option<String> {
        let mut path: Vec<&str> = Vec::new();
        for (depth, here) in &self.lines {
            path.truncate(*depth);
            path.push(here);
            if here == name {
                return Some(path.join(" -> "));
            }
        }
        None
    }
}

/// `2serde v1.0.0 (*)` is serde at depth 2.
fn parse(line: &str) -> Option<(usize, String)> {
    let name_at = line.find(|c: char| !c.is_ascii_digit())?;
    let depth = line[..name_at].parse().ok()?;
    let name = line[name_at..].split_whitespace().next()?;
    Some((depth, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_to_an_offender_is_the_branch_it_hangs_on() {
        let printed = "0app v1\n1http v1\n2tokio v1\n1store v1\n2sql v1\n3tokio v1 (*)\n2ring v1";
        let tree = Tree {
            lines: printed.lines().filter_map(parse).collect(),
        };
        assert_eq!(
            tree.path_to("tokio").as_deref(),
            Some("app -> http -> tokio")
        );
        assert_eq!(
            tree.path_to("ring").as_deref(),
            Some("app -> store -> ring")
        );
        assert_eq!(tree.path_to("rand"), None);
        assert_eq!(tree.direct().collect::<Vec<_>>(), ["http", "store"]);
    }
}
