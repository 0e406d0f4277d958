//! What is merely so: read when somebody asks, by whoever knows it.
//!
//! A source that is gone, or that has nothing to say, leaves no old number behind: its series end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use crate::OTHER;
use crate::family::{Gauge, Tally};
use crate::metric::{Meta, Values};
use crate::process;

type Read = Box<dyn Fn(&mut Readings) + Send + Sync>;

static SOURCES: Mutex<BTreeMap<u64, Read>> = Mutex::new(BTreeMap::new());

/// Keeps a source in use; it ends with this.
#[derive(Debug)]
#[must_use = "the source ends when this is dropped"]
pub struct Source(u64);

/// Asks `read` at every scrape. It must not wait.
pub fn pull(read: impl Fn(&mut Readings) + Send + Sync + 'static) -> Source {
    let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    let id = sources.last_key_value().map_or(0, |(id, _)| id + 1);
    sources.insert(id, Box::new(read));
    Source(id)
}

impl Drop for Source {
    fn drop(&mut self) {
        let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        sources.remove(&self.0);
    }
}

/// What the sources said: by metric, by its labels' values.
#[derive(Debug, Default)]
pub struct Readings {
    said: BTreeMap<&'static str, (Meta, BTreeMap<Vec<String>, f64>)>,
}

impl Readings {
    /// A gauge is at `value`. Said twice, the later counts.
    pub fn gauge<const N: usize>(&mut self, gauge: &Gauge<N>, labels: [&str; N], value: f64) {
        self.put(gauge.meta(), &labels, value);
    }

    /// What somebody else counts is at `value`.
    pub fn tally<const N: usize>(&mut self, tally: &Tally<N>, labels: [&str; N], value: f64) {
        self.put(tally.meta(), &labels, value);
    }

    fn put(&mut self, meta: &Meta, labels: &[&str], value: f64) {
        let (_, sets) = self
            .said
            .entry(meta.name)
            .or_insert_with(|| (*meta, BTreeMap::new()));
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        // Words are all known and have their room; only names may be more than expected, and the last place is for their sum.
        let is_named = meta
            .labels
            .iter()
            .any(|label| label.values == Values::Named);
        let kept = usize::from(is_named && meta.sets_max > 1);
        if sets.contains_key(&labels) || sets.len() + kept < meta.sets_max {
            sets.insert(labels, value);
        } else {
            // What there is no room for is one sum.
            let others = vec![OTHER.to_owned(); labels.len()];
            *sets.entry(others).or_default() += value;
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for (name, (meta, sets)) in &self.said {
            writeln!(text, "# HELP {name} {}", meta.help)?;
            writeln!(text, "# TYPE {name} {}", meta.kind.as_str())?;
            for (values, value) in sets {
                text.push_str(name);
                for (place, (label, said)) in meta.labels.iter().zip(values).enumerate() {
                    let before = if place == 0 { '{' } else { ',' };
                    write!(text, "{before}{}=\"{}\"", label.name, escaped(said))?;
                }
                let after = if values.is_empty() { "" } else { "}" };
                writeln!(text, "{after} {value}")?;
            }
            text.push('\n');
        }
        Ok(())
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

pub(crate) fn render(text: &mut String) {
    let mut readings = Readings::default();
    process::read(&mut readings);
    let sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    for read in sources.values() {
        read(&mut readings);
    }
    drop(sources);
    // Writing to a string cannot fail.
    let _written = readings.write(text);
}

#[cfg(test)]
mod tests {
    use crate::table;

    use super::*;

    fn text(readings: &Readings) -> String {
        let mut text = String::new();
        readings.write(&mut text).unwrap();
        text
    }

    #[test]
    fn what_is_said_is_read_with_its_labels_and_nothing_of_it_stays() {
        let source = pull(|readings| {
            readings.gauge(&table::SAGA_STUCK, ["book\"ing", "no\nreason"], 3.0);
        });
        assert!(
            crate::render()
                .contains("saga_stuck{saga_type=\"book\\\"ing\",code=\"no\\nreason\"} 3\n"),
            "{}",
            crate::render()
        );
        drop(source);
        assert!(!crate::render().contains("saga_stuck{"));
    }

    #[test]
    fn every_word_of_a_label_has_its_own_series() {
        let mut readings = Readings::default();
        for (meta, _) in table::ALL {
            for set in meta.known_sets() {
                readings.put(meta, &set, 1.0);
            }
        }
        let text = text(&readings);
        assert!(text.contains("catalog_seats{state=\"sold\"} 1\n"), "{text}");
        assert!(!text.contains("\"other\""), "{text}");
    }

    #[test]
    fn more_names_than_the_bound_are_one_sum() {
        let mut readings = Readings::default();
        let bound = table::SAGA_STUCK.meta().sets_max;
        for n in 0..bound + 10 {
            readings.gauge(&table::SAGA_STUCK, [&format!("d{n}"), "x"], 1.0);
        }
        let text = text(&readings);
        assert_eq!(text.matches("saga_stuck{").count(), bound);
        assert!(
            text.contains("saga_type=\"other\",code=\"other\"} 11\n"),
            "{text}"
        );
    }
}
