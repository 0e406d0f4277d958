//! Profiles as people write them: what is given replaces what is assumed, key by key.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::latency::Latency;
use super::profile::{ACTED, Chance, LAPSED, Manner, Pinned, Profile, StepProfile};
use super::random::{MILLION, Ppm};
use super::units::{Share, Span};
use crate::definition::{Definition, Diagnostic};
use crate::sheet::{self, Entries};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    overhead: Option<Span>,
    input: Option<Value>,
    inputs: Option<Vec<Value>>,
    #[serde(default)]
    slots: Entries<u32>,
    defaults: Option<MannerFile>,
    #[serde(default)]
    steps: Entries<StepFile>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    latency: Option<LatencyFile>,
    rejected: Option<BTreeMap<String, Share>>,
    failed: Option<Share>,
    unknown: Option<ChanceFile>,
    lost: Option<ChanceFile>,
    broken: Option<Share>,
    output: Option<Value>,
    outputs: Option<Vec<Value>>,
    pinned_by: Option<Spanned<String>>,
    lapsed: Option<String>,
    undo: Option<MannerFile>,
    reconcile: Option<MannerFile>,
}

#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct MannerFile {
    latency: Option<LatencyFile>,
    failed: Option<Share>,
    unknown: Option<ChanceFile>,
    lost: Option<ChanceFile>,
    still_open: Option<Share>,
    broken: Option<Share>,
}

/// `20ms`, `{ mean: 20ms }`, or quantiles.
#[derive(Clone)]
struct LatencyFile(Latency);

/// `0.1%`, or with the share of those that acted.
#[derive(Clone, Copy)]
struct ChanceFile(Chance);

impl Profile {
    /// Reads a profile for a definition; every name in it that the definition does not have is reported.
    pub fn parse(
        definition: &Definition,
        source_name: &str,
        text: &str,
    ) -> Result<Profile, Vec<Diagnostic>> {
        let file: ProfileFile = sheet::read(source_name, text).map_err(|problem| vec![problem])?;
        let mut reader = Reader {
            definition,
            source_name,
            problems: Vec::new(),
        };
        let profile = reader.profile(file);
        if reader.problems.is_empty() {
            Ok(profile)
        } else {
            Err(reader.problems)
        }
    }
}

struct Reader<'a> {
    definition: &'a Definition,
    source_name: &'a str,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn profile(&mut self, file: ProfileFile) -> Profile {
        let mut profile = Profile::healthy(self.definition);
        if let Some(overhead) = file.overhead {
            profile.overhead = overhead.0;
        }
        let inputs: Vec<Value> = file
            .input
            .into_iter()
            .chain(file.inputs.into_iter().flatten())
            .collect();
        if !inputs.is_empty() {
            profile.inputs = inputs;
        }
        let pools = self.definition.pools();
        for (pool, slots) in file.slots.0 {
            if pools.contains(&pool.value) {
                profile.slots.insert(pool.value, slots.max(1));
            } else {
                let known = pools.iter().map(String::as_str);
                let problem = sheet::unknown(self.source_name, &pool, "pool", known);
                self.problems.push(problem);
            }
        }
        let defaults = file.defaults.unwrap_or_default();
        for step in &mut profile.steps {
            for manner in [&mut step.forward, &mut step.undo, &mut step.reconcile] {
                defaults.clone().apply(manner);
            }
        }
        self.shares("defaults", Location::UNKNOWN, profile.steps.first());
        for (id, step) in file.steps.0 {
            if let Some(index) = self.step(&id) {
                self.apply(step, &mut profile.steps[index]);
                self.shares(&id.value, id.referenced, profile.steps.get(index));
            }
        }
        profile
    }

    fn step(&mut self, id: &Spanned<String>) -> Option<usize> {
        let found = self.definition.step_index(&id.value);
        if found.is_none() {
            let known = self.definition.steps.iter().map(|step| step.id.as_str());
            let problem = sheet::unknown(self.source_name, id, "step", known);
            self.problems.push(problem);
        }
        found
    }

    fn apply(&mut self, file: StepFile, step: &mut StepProfile) {
        let forward = MannerFile {
            latency: file.latency,
            failed: file.failed,
            unknown: file.unknown,
            lost: file.lost,
            still_open: None,
            broken: file.broken,
        };
        forward.apply(&mut step.forward);
        if let Some(rejected) = file.rejected {
            step.forward.rejected = rejected
                .into_iter()
                .map(|(code, share)| (code, share.0))
                .collect();
        }
        file.undo.unwrap_or_default().apply(&mut step.undo);
        file.reconcile
            .unwrap_or_default()
            .apply(&mut step.reconcile);
        let outputs: Vec<Value> = file
            .output
            .into_iter()
            .chain(file.outputs.into_iter().flatten())
            .collect();
        if !outputs.is_empty() {
            step.outputs = outputs;
        }
        let pinned = file.pinned_by.and_then(|id| self.step(&id));
        step.pinned_by = pinned.map(|by| Pinned {
            by,
            lapsed: file.lapsed.unwrap_or_else(|| LAPSED.to_owned()),
        });
    }

    /// What happens to an attempt is one thing: all shares together are at most everything.
    fn shares(&mut self, what: &str, place: Location, step: Option<&StepProfile>) {
        let Some(step) = step else { return };
        let manners = [&step.forward, &step.undo, &step.reconcile];
        if manners
            .iter()
            .any(|manner| manner.shares() > u64::from(MILLION))
        {
            let message = format!("the shares of `{what}` add up to more than 100%");
            let problem = sheet::impossible(self.source_name, place, message);
            self.problems.push(problem);
        }
    }
}

impl Manner {
    fn shares(&self) -> u64 {
        self.rejected
            .values()
            .chain([
                &self.failed,
                &self.unknown.share,
                &self.lost.share,
                &self.still_open,
            ])
            .map(|share| u64::from(*share))
            .sum()
    }
}

impl MannerFile {
    fn apply(self, manner: &mut Manner) {
        if let Some(LatencyFile(latency)) = self.latency {
            manner.latency = latency;
        }
        if let Some(Share(failed)) = self.failed {
            manner.failed = failed;
        }
        if let Some(ChanceFile(unknown)) = self.unknown {
            manner.unknown = unknown;
        }
        if let Some(ChanceFile(lost)) = self.lost {
            manner.lost = lost;
        }
        if let Some(Share(still_open)) = self.still_open {
            manner.still_open = still_open;
        }
        if let Some(Share(broken)) = self.broken {
            manner.broken = broken;
        }
    }
}

/// The quantiles that can be given, with their shares.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Points {
    mean: Option<Span>,
    min: Option<Span>,
    p10: Option<Span>,
    p25: Option<Span>,
    p50: Option<Span>,
    p75: Option<Span>,
    p90: Option<Span>,
    p95: Option<Span>,
    p99: Option<Span>,
    p999: Option<Span>,
    max: Option<Span>,
}

impl Points {
    fn latency(&self) -> Result<Latency, &'static str> {
        let given: Vec<(Ppm, u64)> = [
            (0, self.min),
            (100_000, self.p10),
            (250_000, self.p25),
            (500_000, self.p50),
            (750_000, self.p75),
            (900_000, self.p90),
            (950_000, self.p95),
            (990_000, self.p99),
            (999_000, self.p999),
            (MILLION, self.max),
        ]
        .into_iter()
        .filter_map(|(share, span)| Some((share, span?.0)))
        .collect();
        match (self.mean, given.first(), given.last()) {
            (Some(_), Some(_), _) => Err("`mean` stands alone: it is an exponential distribution"),
            (Some(mean), None, _) => Ok(Latency::Exponential { mean: mean.0 }),
            (None, Some(&first), Some(&last)) => {
                if given.windows(2).any(|pair| pair[0].1 > pair[1].1) {
                    return Err("a higher quantile is shorter than a lower one");
                }
                Ok(Latency::Quantiles(completed(given, first, last)))
            }
            (None, _, _) => Err("give `mean` or at least one quantile"),
        }
    }
}

/// With its ends: half of the first quantile that is known, and five times the last one, where none is given.
fn completed(given: Vec<(Ppm, u64)>, first: (Ppm, u64), last: (Ppm, u64)) -> Vec<(Ppm, u64)> {
    let start = (first.0 > 0).then_some((0, first.1 / 2));
    let end = (last.0 < MILLION).then_some((MILLION, last.1 * 5));
    start.into_iter().chain(given).chain(end).collect()
}

impl<'de> Deserialize<'de> for LatencyFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LatencyVisitor)
    }
}

struct LatencyVisitor;

impl<'de> Visitor<'de> for LatencyVisitor {
    type Value = LatencyFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration, `{ mean: … }` or quantiles like `{ p50: …, p99: … }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LatencyFile, E> {
        let span: Span = text.parse().map_err(E::custom)?;
        Ok(LatencyFile(Latency::Constant(span.0)))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<LatencyFile, A::Error> {
        let points = Points::deserialize(MapAccessDeserializer::new(access))?;
        points.latency().map(LatencyFile).map_err(de::Error::custom)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ChanceMap {
    share: Share,
    acted: Share,
}

impl<'de> Deserialize<'de> for ChanceFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChanceVisitor)
    }
}

struct ChanceVisitor;

impl<'de> Visitor<'de> for ChanceVisitor {
    type Value = ChanceFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share, or `{ share: …, acted: … }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ChanceFile, E> {
        let share: Share = text.parse().map_err(E::custom)?;
        Ok(ChanceFile(Chance {
            share: share.0,
            acted: ACTED,
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<ChanceFile, A::Error> {
        let map = ChanceMap::deserialize(MapAccessDeserializer::new(access))?;
        Ok(ChanceFile(Chance {
            share: map.share.0,
            acted: map.acted.0,
        }))
    }
}
