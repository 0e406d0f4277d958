//! The arithmetic of the HorizontalPodAutoscaler, second by second, from the bounds and the behaviour of a manifest.
//!
//! As its controller does it (`pkg/controller/podautoscaler/horizontal.go` of Kubernetes): the largest proposal of all
//! metrics, a tolerance of a tenth, recommendations of the stabilization window, then what policies allow. By percent
//! up is rounded up, and down is cut: nine tenths of five are four. Not here: missing metrics and pods that start.

use serde_json::Value;

use crate::manifest::items;

/// How often the controller looks, in seconds.
pub const SYNC: u64 = 15;

/// Usage within this share of the target changes nothing.
const TOLERANCE: f64 = 0.1;

/// A scaler with its memory.
#[derive(Clone, Debug)]
pub struct Scaler {
    min: u32,
    max: u32,
    /// Targets of utilization, in percent, by the metric's name.
    targets: Vec<(String, f64)>,
    up: Rules,
    down: Rules,
    replicas: u32,
    recommendations: Vec<(u64, u32)>,
    changes: Vec<(u64, i64)>,
}

#[derive(Clone, Debug)]
struct Rules {
    window: u64,
    policies: Vec<Policy>,
}

#[derive(Clone, Debug)]
struct Policy {
    is_percent: bool,
    value: f64,
    period: u64,
}

impl Scaler {
    /// From `spec` of an autoscaler, at its minimum.
    pub fn new(spec: &Value) -> Scaler {
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
        let metrics = items(&spec["metrics"]).iter();
        let targets = metrics.filter_map(|metric| {
            let resource = &metric["resource"];
            let target = resource["target"]["averageUtilization"].as_f64()?;
            Some((resource["name"].as_str()?.to_owned(), target))
        });
        let min = number(&spec["minReplicas"]);
        Scaler {
            min,
            max: number(&spec["maxReplicas"]),
            targets: targets.collect(),
            up: Rules::new(&spec["behavior"]["scaleUp"]),
            down: Rules::new(&spec["behavior"]["scaleDown"]),
            replicas: min,
            recommendations: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// One look at `now`, when each pod uses so many percent of what it requests; the replicas after it.
    pub fn look(&mut self, now: u64, usage: &[(&str, f64)]) -> u32 {
        let proposals = self.targets.iter().filter_map(|(name, target)| {
            let (_, used) = usage.iter().find(|(metric, _)| metric == name)?;
            Some(proposal(self.replicas, used / target))
        });
        let wanted = proposals.max().unwrap_or(self.replicas);
        let wanted = wanted.clamp(self.min, self.max);
        let steady = self.stabilized(now, wanted);
        let next = self.limited(now, steady).clamp(self.min, self.max);
        if next != self.replicas {
            let change = i64::from(next) - i64::from(self.replicas);
            self.changes.push((now, change));
        }
        self.replicas = next;
        next
    }

    /// Down only to the most that was recommended in its window, up only to the least.
    fn stabilized(&mut self, now: u64, wanted: u32) -> u32 {
        self.recommendations.push((now, wanted));
        let longest = self.up.window.max(self.down.window);
        self.recommendations.retain(|(at, _)| at + longest > now);
        let of = |window: u64| {
            let within = self.recommendations.iter();
            within
                .filter(move |(at, _)| *at == now || at + window > now)
                .map(|(_, wanted)| *wanted)
        };
        let least = of(self.up.window).min().unwrap_or(wanted);
        let most = of(self.down.window).max().unwrap_or(wanted);
        self.replicas.max(least).min(most)
    }

    /// As far as the policies allow, counted from the replicas at the start of each one's period.
    fn limited(&self, now: u64, wanted: u32) -> u32 {
        let before = |period: u64| {
            let within = self.changes.iter().filter(|(at, _)| at + period > now);
            let changed: i64 = within.map(|(_, change)| change).sum();
            (i64::from(self.replicas) - changed).max(0) as f64
        };
        if wanted > self.replicas {
            let limits = self.up.policies.iter().map(|policy| {
                let start = before(policy.period);
                match policy.is_percent {
                    true => (start * (1.0 + policy.value / 100.0)).ceil(),
                    false => start + policy.value,
                }
            });
            return wanted.min(limits.fold(0.0, f64::max) as u32);
        }
        if wanted < self.replicas {
            let limits = self.down.policies.iter().map(|policy| {
                let start = before(policy.period);
                match policy.is_percent {
                    true => (start * (1.0 - policy.value / 100.0)).trunc(),
                    false => start - policy.value,
                }
            });
            return wanted
                .max(limits.fold(f64::MAX, f64::min).max(0.0) as u32)
                .min(self.replicas);
        }
        wanted
    }
}

/// What one metric asks for.
fn proposal(replicas: u32, ratio: f64) -> u32 {
    if (ratio - 1.0).abs() <= TOLERANCE {
        return replicas;
    }
    (f64::from(replicas) * ratio).ceil() as u32
}

impl Rules {
    fn new(behaviour: &Value) -> Rules {
        let policies = items(&behaviour["policies"]).iter().map(|policy| Policy {
            is_percent: policy["type"] == "Percent",
            value: policy["value"].as_f64().unwrap_or(0.0),
            period: policy["periodSeconds"].as_u64().unwrap_or(0),
        });
        Rules {
            window: behaviour["stabilizationWindowSeconds"]
                .as_u64()
                .unwrap_or(0),
            policies: policies.collect(),
        }
    }
}
