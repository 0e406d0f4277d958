//! The words of a profile that are more than a share: latencies, and shares of attempts that may have acted.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::latency::Latency;
use super::profile::{ACTED, Chance};
use super::random::{MILLION, Ppm};
use super::units::{Share, Span};

/// `20ms`, `{ mean: 20ms }`, or quantiles.
#[derive(Clone)]
pub(super) struct LatencyFile(pub(super) Latency);

/// `0.1%`, or with the share of those that acted.
#[derive(Clone, Copy)]
pub(super) struct ChanceFile(pub(super) Chance);

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
