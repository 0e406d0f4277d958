//! The rules that every manifest obeys, each with a name and a reason. `tests/it/policy.rs` breaks each one.

mod access;
mod pods;
mod traffic;
mod upkeep;

use crate::manifest::Manifest;

/// A rule: what it says, and what in a manifest breaks it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// In a few words, as tests name it.
    pub name: &'static str,
    /// What breaks it.
    pub broken: fn(&Manifest) -> Vec<String>,
}

/// All of them.
pub const RULES: [Rule; 16] = [
    Rule {
        name: "pods are restricted",
        broken: pods::restricted,
    },
    Rule {
        name: "images have a version",
        broken: pods::versioned,
    },
    Rule {
        name: "memory is bounded and the processor is not",
        broken: pods::resources,
    },
    Rule {
        name: "probes have three meanings",
        broken: pods::probes,
    },
    Rule {
        name: "pods have an account of their own and no token",
        broken: pods::accounts,
    },
    Rule {
        name: "pods have a priority",
        broken: pods::priority,
    },
    Rule {
        name: "everything says what it is part of",
        broken: pods::labelled,
    },
    Rule {
        name: "evictions go one by one",
        broken: upkeep::disruption,
    },
    Rule {
        name: "replicas are spread",
        broken: upkeep::spread,
    },
    Rule {
        name: "rollouts lose no replica",
        broken: upkeep::rollout,
    },
    Rule {
        name: "a stop has time to drain",
        broken: upkeep::drain,
    },
    Rule {
        name: "scalers go up at once and down slowly",
        broken: upkeep::scaling,
    },
    Rule {
        name: "nobody talks unasked",
        broken: traffic::denied,
    },
    Rule {
        name: "the edge lets in bookings and catalogue only",
        broken: traffic::edge,
    },
    Rule {
        name: "roles are small",
        broken: access::roles,
    },
    Rule {
        name: "no secret is in git",
        broken: access::secrets,
    },
];

/// What breaks any rule, each with the rule's name.
pub fn problems(manifest: &Manifest) -> Vec<String> {
    let found = RULES.iter().flat_map(|rule| {
        let broken = (rule.broken)(manifest).into_iter();
        broken.map(|what| format!("{}: {what}", rule.name))
    });
    found.collect()
}
