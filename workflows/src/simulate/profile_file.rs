//! Profiles as people write them: what is given replaces what is assumed, key by key.

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::awaits::{After, Awaits};
use super::latency::LONGEST;
use super::profile::{Chance, LAPSED, Manner, Pinned, Profile, StepProfile};
use super::profile_keys::{MannerFile, StepFile};
use super::profile_words::{ChanceFile, LatencyFile};
use super::random::{MILLION, Ppm};
use super::units::{Share, Span};
use crate::definition::{Definition, Diagnostic, Kind};
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
        for (defined, step) in self.definition.steps.iter().zip(&mut profile.steps) {
            // They are about workers.
            if !matches!(defined.kind, Kind::Task(_)) {
                continue;
            }
            for manner in [&mut step.forward, &mut step.undo, &mut step.reconcile] {
                defaults.clone().apply(manner);
            }
        }
        self.shares("defaults", Location::UNKNOWN, profile.steps.first());
        for (id, step) in file.steps.0 {
            if let Some(index) = self.step(&id) {
                self.fits(index, &id, &step);
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

    /// A key that means nothing for what the step is would be passed over silently otherwise.
    fn fits(&mut self, index: usize, id: &Spanned<String>, file: &StepFile) {
        let kind = &self.definition.steps[index].kind;
        for message in file.pointless(kind) {
            let problem = sheet::impossible(self.source_name, id.referenced, message);
            self.problems.push(problem);
        }
    }

    fn apply(&mut self, file: StepFile, step: &mut StepProfile) {
        outside(&file, &mut step.awaits);
        if let Some(Share(share)) = file.stuck {
            step.forward.lost = Chance { share, acted: 0 };
        }
        let latency = match step.awaits {
            Awaits::Nothing => file.latency,
            // Theirs is that of what comes, and set.
            Awaits::Signal { .. } | Awaits::Decision { .. } => None,
        };
        let forward = MannerFile {
            latency,
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
        let decided = match &step.awaits {
            Awaits::Decision {
                approved, denied, ..
            } => u64::from(*approved) + u64::from(*denied),
            Awaits::Nothing | Awaits::Signal { .. } => 0,
        };
        let manners = [&step.forward, &step.undo, &step.reconcile];
        if manners
            .iter()
            .any(|manner| manner.shares() > u64::from(MILLION))
            || decided > u64::from(MILLION)
        {
            let message = format!("the shares of `{what}` add up to more than 100%");
            let problem = sheet::impossible(self.source_name, place, message);
            self.problems.push(problem);
        }
    }
}

/// What is given about those outside.
fn outside(file: &StepFile, awaits: &mut Awaits) {
    let set = |share: Option<Share>, to: &mut Ppm| {
        if let Some(Share(share)) = share {
            *to = share;
        }
    };
    let after = match awaits {
        Awaits::Nothing => return,
        Awaits::Signal {
            comes,
            early,
            after,
        } => {
            set(file.comes, comes);
            set(file.early, early);
            after
        }
        Awaits::Decision {
            approved,
            denied,
            after,
        } => {
            set(file.approved, approved);
            set(file.denied, denied);
            after
        }
    };
    if let Some(LatencyFile(latency)) = &file.latency {
        *after = After {
            latency: latency.clone(),
            latest: LONGEST,
        };
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
