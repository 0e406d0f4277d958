//! What a profile may say about a step; which of it means something depends on what the step is.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_saphyr::Spanned;

use super::profile_words::{ChanceFile, LatencyFile};
use super::units::Share;
use crate::definition::Kind;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    pub(super) comes: Option<Share>,
    pub(super) early: Option<Share>,
    pub(super) approved: Option<Share>,
    pub(super) denied: Option<Share>,
    pub(super) stuck: Option<Share>,
    pub(super) latency: Option<LatencyFile>,
    pub(super) rejected: Option<BTreeMap<String, Share>>,
    pub(super) failed: Option<Share>,
    pub(super) unknown: Option<ChanceFile>,
    pub(super) lost: Option<ChanceFile>,
    pub(super) broken: Option<Share>,
    pub(super) output: Option<Value>,
    pub(super) outputs: Option<Vec<Value>>,
    pub(super) pinned_by: Option<Spanned<String>>,
    pub(super) lapsed: Option<String>,
    pub(super) undo: Option<MannerFile>,
    pub(super) reconcile: Option<MannerFile>,
}

#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MannerFile {
    pub(super) latency: Option<LatencyFile>,
    pub(super) failed: Option<Share>,
    pub(super) unknown: Option<ChanceFile>,
    pub(super) lost: Option<ChanceFile>,
    pub(super) still_open: Option<Share>,
    pub(super) broken: Option<Share>,
}

impl StepFile {
    /// What is said in vain, in sentences.
    pub(super) fn pointless(&self, kind: &Kind) -> Vec<String> {
        let known = keys(kind);
        let told = |key: &str| {
            let word = kind.word();
            match known {
                [] => format!("`{key}` says nothing about a step that is `{word}`"),
                known => format!(
                    "`{key}` says nothing about a step that is `{word}`; there are: {}",
                    known.join(", ")
                ),
            }
        };
        let given = self.given();
        let vain = given.iter().filter(|key| !known.contains(key));
        vain.map(|key| told(key)).collect()
    }

    /// The keys that are there.
    fn given(&self) -> Vec<&'static str> {
        [
            ("comes", self.comes.is_some()),
            ("early", self.early.is_some()),
            ("approved", self.approved.is_some()),
            ("denied", self.denied.is_some()),
            ("stuck", self.stuck.is_some()),
            ("latency", self.latency.is_some()),
            ("rejected", self.rejected.is_some()),
            ("failed", self.failed.is_some()),
            ("unknown", self.unknown.is_some()),
            ("lost", self.lost.is_some()),
            ("broken", self.broken.is_some()),
            ("output", self.output.is_some()),
            ("outputs", self.outputs.is_some()),
            ("pinned_by", self.pinned_by.is_some()),
            ("lapsed", self.lapsed.is_some()),
            ("undo", self.undo.is_some()),
            ("reconcile", self.reconcile.is_some()),
        ]
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(key, _)| key)
        .collect()
    }
}

/// The keys that mean something.
fn keys(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Task(_) => &[
            "latency",
            "rejected",
            "failed",
            "unknown",
            "lost",
            "broken",
            "output",
            "outputs",
            "pinned_by",
            "lapsed",
            "undo",
            "reconcile",
        ],
        Kind::Saga(_) => &["latency", "rejected", "stuck", "output", "outputs", "undo"],
        Kind::Wait(_) => &["comes", "early", "latency", "output", "outputs"],
        Kind::Approve { .. } => &["approved", "denied", "latency"],
        Kind::Sleep { .. } => &[],
    }
}
