//! Where two lives part.
//!
//! Step by step, because steps that run side by side may change places without meaning anything: of each step (and
//! of the saga as a whole) the facts are compared in order, and the earliest place at which any of them differs is
//! where the lives part.

use std::collections::BTreeMap;

use super::life::Life;
use crate::Millis;
use crate::record::Fact;

/// The first difference of two lives.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The step that it is about; none when it is about the whole saga.
    pub step: Option<String>,
    /// What happened; none when nothing more did.
    pub was: Option<String>,
    /// What would have happened.
    pub would_be: Option<String>,
}

/// The first difference, with its time after the start.
pub(super) fn first_difference(was: &Life, would_be: &Life) -> Option<(Millis, Difference)> {
    let (was, would_be) = (by_step(was), by_step(would_be));
    let steps = was
        .keys()
        .chain(would_be.keys())
        .collect::<std::collections::BTreeSet<_>>();
    steps
        .into_iter()
        .filter_map(|step| {
            let one = was.get(step).map_or(&[][..], Vec::as_slice);
            let other = would_be.get(step).map_or(&[][..], Vec::as_slice);
            let place = (0..one.len().max(other.len()))
                .find(|&place| says(one, place) != says(other, place))?;
            let times = [one.get(place), other.get(place)];
            let after = times.into_iter().flatten().map(|(after, _)| *after).min()?;
            let difference = Difference {
                step: step.map(str::to_owned),
                was: says(one, place).map(str::to_owned),
                would_be: says(other, place).map(str::to_owned),
            };
            Some((after, difference))
        })
        // Of two at one instant the one about a step: what becomes of the saga follows from it.
        .min_by_key(|(after, difference)| {
            (*after, difference.step.is_none(), difference.step.clone())
        })
}

type Facts<'l> = Vec<(Millis, &'l Fact)>;

fn by_step(life: &Life) -> BTreeMap<Option<&str>, Facts<'_>> {
    let mut steps: BTreeMap<Option<&str>, Facts<'_>> = BTreeMap::new();
    for (after, fact) in &life.facts {
        steps
            .entry(fact.step.as_deref())
            .or_default()
            .push((*after, fact));
    }
    steps
}

fn says<'l>(facts: &[(Millis, &'l Fact)], place: usize) -> Option<&'l str> {
    facts.get(place).map(|(_, fact)| fact.says.as_str())
}
