//! What is known of a metric before anything was measured.

/// How its values behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counted into buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Prometheus' word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }

    /// Series that one set of labels has: buckets, the one without an end, sum and count.
    pub fn series(self) -> usize {
        match self {
            Kind::Counter | Kind::Gauge => 1,
            Kind::Histogram(buckets) => buckets.len() + 3,
        }
    }
}

/// What one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of whatever the name says.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Seconds since 1970.
    Instant,
    /// Cents, or what the currency has for them.
    MinorUnits,
    /// Yes or no.
    Flag,
}

/// A label, and what it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// What a label may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words.
    Words(&'static [&'static str]),
    /// Names that others choose (of definitions, pools, codes), as many as the metric's bound allows.
    Named,
}

/// Which processes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Every one.
    Any,
    /// `serve`.
    Orchestrator,
    /// `worker`, whatever the pool.
    Worker,
    /// The worker of this pool only.
    Pool(&'static str),
    /// `provider`.
    Provider,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meta {
    /// Its name.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What one is.
    pub unit: Unit,
    /// Its labels, in order.
    pub labels: &'static [Label],
    /// Sets of labels at most; what comes later is counted under `other`.
    pub sets_max: usize,
    /// Which processes show it.
    pub roles: &'static [Role],
    /// One sentence.
    pub help: &'static str,
}

impl Meta {
    /// Whether a process that plays `role` shows it.
    pub fn is_of(&self, role: Role) -> bool {
        self.roles.iter().any(|one| match one {
            Role::Any => true,
            Role::Worker => matches!(role, Role::Worker | Role::Pool(_)),
            Role::Orchestrator | Role::Pool(_) | Role::Provider => *one == role,
        })
    }

    /// Series that it may come to in one process.
    pub fn series_max(&self) -> usize {
        self.sets_max * self.kind.series()
    }

    /// Every set of labels, when all of them are words: then a counter is there from the start, at zero, so that the
    /// first of a rare kind is seen as a step.
    pub fn known_sets(&self) -> Vec<Vec<&'static str>> {
        let mut sets = vec![Vec::new()];
        for label in self.labels {
            let Values::Words(words) = label.values else {
                return Vec::new();
            };
            sets = sets
                .iter()
                .flat_map(|set: &Vec<&'static str>| {
                    words.iter().map(move |word| {
                        let mut longer = set.clone();
                        longer.push(*word);
                        longer
                    })
                })
                .collect();
        }
        sets
    }
}
