//! The one registry of a process, and its text.
//!
//! It exists from the first use, so nobody has to be earlier than anybody else. Histograms keep raw values until they are
//! put into their buckets; that is done every few seconds, whether somebody scrapes or not.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Key, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::metric::{Kind, Meta, Role};
use crate::{Count, Times, source, table};

/// Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Raw values of at most so long are kept: half a million at the fastest that was measured, four megabytes.
const UPKEEP: Duration = Duration::from_secs(5);

pub(crate) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::new)
}

/// Says what this process is: its counters that can be known beforehand are shown at zero from now on.
pub fn begin(role: Role) {
    for (meta, show) in table::ALL {
        if meta.is_of(role) {
            show();
        }
    }
}

/// Everything that this process has measured, and what is so now.
pub fn render() -> String {
    let mut text = registry().handle.render();
    source::render(&mut text);
    text
}

impl Registry {
    fn new() -> Registry {
        let mut builder = PrometheusBuilder::new();
        for (meta, _) in table::ALL {
            if let Kind::Histogram(buckets) = meta.kind {
                let name = Matcher::Full(meta.name.to_owned());
                // The buckets of the table are not empty, which is all that could be wrong with them.
                builder = match builder.set_buckets_for_metric(name, buckets) {
                    Ok(builder) => builder,
                    Err(_empty) => PrometheusBuilder::new(),
                };
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let upkeep = handle.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        });
        Registry { recorder, handle }
    }

    pub(crate) fn counter(&self, meta: &Meta, labels: Vec<(&'static str, String)>) -> Count {
        let help = SharedString::from(meta.help);
        self.recorder.describe_counter(meta.name.into(), None, help);
        self.recorder.register_counter(&key(meta, labels), &ABOUT)
    }

    pub(crate) fn histogram(&self, meta: &Meta, labels: Vec<(&'static str, String)>) -> Times {
        let help = SharedString::from(meta.help);
        self.recorder
            .describe_histogram(meta.name.into(), None, help);
        self.recorder.register_histogram(&key(meta, labels), &ABOUT)
    }
}

const ABOUT: Metadata<'static> = Metadata::new("impresario", Level::INFO, None);

fn key(meta: &Meta, labels: Vec<(&'static str, String)>) -> Key {
    let labels: Vec<metrics::Label> = labels
        .into_iter()
        .map(|(name, value)| metrics::Label::new(name, value))
        .collect();
    Key::from_parts(meta.name, labels)
}
