//! A metric with its labels filled in: handles that are resolved once and then cost an atomic add.
//!
//! A family holds no more sets of labels than its metric allows. What comes after that is counted under `other`, so a
//! customer with a thousand definitions makes a thousand series nowhere.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::metric::{Meta, Values};
use crate::registry::registry;
use crate::{Count, OTHER, Times};

/// A metric that only grows.
pub struct Counter<const N: usize> {
    meta: Meta,
    family: Family<N, Count>,
    alone: OnceLock<Count>,
}

/// A metric of durations or sizes.
pub struct Histogram<const N: usize> {
    meta: Meta,
    family: Family<N, Times>,
    alone: OnceLock<Times>,
}

/// A metric that is looked up when somebody asks; see [`crate::pull`].
pub struct Gauge<const N: usize> {
    meta: Meta,
}

/// A metric that only grows, and that somebody else keeps: looked up when somebody asks, see [`crate::pull`]. It is never
/// in the registry, where its zero would stand beside what was looked up.
pub struct Tally<const N: usize> {
    meta: Meta,
}

struct Family<const N: usize, H> {
    handles: Mutex<Option<HashMap<[String; N], H>>>,
}

impl<const N: usize> Counter<N> {
    pub(crate) const fn new(meta: Meta) -> Self {
        Counter {
            meta,
            family: Family::empty(),
            alone: OnceLock::new(),
        }
    }

    /// The handle for these labels; keep it where it is used often. From now on it is shown, at zero.
    pub fn with(&self, values: [&str; N]) -> Count {
        self.family.find(&self.meta, values, |labels| {
            registry().counter(&self.meta, labels)
        })
    }

    /// Makes it seen at zero, for every set of labels that is known beforehand.
    pub(crate) fn show(&self) {
        for values in known(&self.meta) {
            drop(self.with(values));
        }
    }
}

impl Counter<0> {
    /// Counts.
    pub fn add(&self, by: u64) {
        self.alone.get_or_init(|| self.with([])).increment(by);
    }
}

impl<const N: usize> Histogram<N> {
    pub(crate) const fn new(meta: Meta) -> Self {
        Histogram {
            meta,
            family: Family::empty(),
            alone: OnceLock::new(),
        }
    }

    /// The handle for these labels; keep it where it is used often.
    pub fn with(&self, values: [&str; N]) -> Times {
        self.family.find(&self.meta, values, |labels| {
            registry().histogram(&self.meta, labels)
        })
    }

    pub(crate) fn show(&self) {
        for values in known(&self.meta) {
            drop(self.with(values));
        }
    }
}

impl Histogram<0> {
    /// Counts one value.
    pub fn record(&self, value: f64) {
        self.alone.get_or_init(|| self.with([])).record(value);
    }
}

impl<const N: usize> Gauge<N> {
    pub(crate) const fn new(meta: Meta) -> Self {
        Gauge { meta }
    }

    /// Nothing is seen before somebody looks.
    pub(crate) fn show(&self) {}
}

impl<const N: usize> Tally<N> {
    pub(crate) const fn new(meta: Meta) -> Self {
        Tally { meta }
    }

    /// Nothing is seen before somebody looks.
    pub(crate) fn show(&self) {}
}

impl<const N: usize, H: Clone> Family<N, H> {
    const fn empty() -> Self {
        Family {
            handles: Mutex::new(None),
        }
    }

    fn find(
        &self,
        meta: &Meta,
        values: [&str; N],
        make: impl FnOnce(Vec<(&'static str, String)>) -> H,
    ) -> H {
        let mut values = values.map(str::to_owned);
        let mut guard = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let handles = guard.get_or_insert_default();
        if !handles.contains_key(&values) && !fits(meta, &values, handles.len()) {
            for (value, label) in values.iter_mut().zip(meta.labels) {
                overflow(value, label.values);
            }
        }
        if let Some(known) = handles.get(&values) {
            return known.clone();
        }
        let labels = meta.labels.iter().map(|label| label.name);
        let handle = make(labels.zip(values.iter().cloned()).collect());
        handles.insert(values, handle.clone());
        handle
    }
}

/// Every set of labels that is known beforehand.
fn known<const N: usize>(meta: &Meta) -> impl Iterator<Item = [&'static str; N]> {
    let sets = meta.known_sets().into_iter();
    sets.filter_map(|set| set.try_into().ok())
}

/// Room is kept for what is counted under `other`: one set for each word that may stand beside it.
fn fits(meta: &Meta, values: &[String], sets: usize) -> bool {
    let is_known = meta
        .labels
        .iter()
        .zip(values)
        .all(|(label, value)| match label.values {
            Values::Words(words) => words.contains(&value.as_str()),
            Values::Named => true,
        });
    let words = |values| match values {
        Values::Words(words) => words.len(),
        Values::Named => 1,
    };
    let is_named = meta
        .labels
        .iter()
        .any(|label| label.values == Values::Named);
    let kept: usize = meta
        .labels
        .iter()
        .map(|label| words(label.values))
        .product();
    let kept = if is_named { kept } else { 0 };
    is_known && sets + kept < meta.sets_max
}

fn overflow(value: &mut String, values: Values) {
    match values {
        Values::Named => OTHER.clone_into(value),
        Values::Words(words) if words.contains(&value.as_str()) => {}
        Values::Words(words) => *value = words.last().copied().unwrap_or(OTHER).to_owned(),
    }
}

// What every kind has. A metric in a text is its name: that is how queries are written.
macro_rules! metrics {
    ($($kind:ident),*) => {$(
        impl<const N: usize> $kind<N> {
            /// What is known of it.
            pub const fn meta(&self) -> &Meta {
                &self.meta
            }

            /// Its name.
            pub const fn name(&self) -> &'static str {
                self.meta.name
            }
        }

        impl<const N: usize> std::fmt::Display for $kind<N> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.meta.name)
            }
        }

        impl<const N: usize> std::fmt::Debug for $kind<N> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.meta.name)
            }
        }
    )*};
}

metrics!(Counter, Histogram, Gauge, Tally);
