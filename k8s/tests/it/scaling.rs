//! What the controller would do with the scalers as they are rendered.

use impresario_k8s::scaling::{SYNC, Scaler};
use serde_json::Value;

use crate::files::{OVERLAYS, overlay};

const POOLS: [&str; 4] = ["catalog", "payment", "booking", "notification"];

/// The autoscaler of a pool: ours, or the one that KEDA makes of its own object.
fn specification(overlay_name: &str, pool: &str) -> Value {
    let manifest = overlay(overlay_name);
    if let Some(object) = manifest.get("HorizontalPodAutoscaler", pool) {
        return object.value["spec"].clone();
    }
    let scaled = &manifest.get("ScaledObject", pool).unwrap().value["spec"];
    let share = |name: &str| {
        let triggers = scaled["triggers"].as_array().unwrap();
        let trigger = triggers.iter().find(|one| one["type"] == name).unwrap();
        trigger["metadata"]["value"]
            .as_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    let metric = |name: &str| {
        serde_json::json!({ "type": "Resource", "resource": { "name": name,
            "target": { "type": "Utilization", "averageUtilization": share(name) } } })
    };
    serde_json::json!({
        "minReplicas": scaled["minReplicaCount"],
        "maxReplicas": scaled["maxReplicaCount"],
        "metrics": [metric("cpu"), metric("memory")],
        "behavior": scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
    })
}

/// Looks every fifteen seconds; when the replicas changed, and to what.
fn run(
    scaler: &mut Scaler,
    until: u64,
    load: impl Fn(u64, u32) -> [(&'static str, f64); 2],
) -> Vec<(u64, u32)> {
    let (mut changes, mut replicas) = (Vec::new(), scaler.look(0, &load(0, 1)));
    for now in (SYNC..=until).step_by(usize::try_from(SYNC).unwrap()) {
        let next = scaler.look(now, &load(now, replicas));
        if next != replicas {
            changes.push((now, next));
        }
        replicas = next;
    }
    changes
}

#[test]
fn a_burst_brings_five_at_once_and_they_leave_one_a_minute_after_five_minutes_of_calm() {
    for name in ["staging", "prod"] {
        for pool in POOLS {
            let mut scaler = Scaler::new(&specification(name, pool));
            let changes = run(&mut scaler, 900, |now, _| {
                let cpu = if (60..300).contains(&now) {
                    140.0
                } else {
                    10.0
                };
                [("cpu", cpu), ("memory", 40.0)]
            });
            assert_eq!(changes, [(60, 5), (585, 4), (645, 3)], "{name} {pool}");
        }
    }
}

#[test]
fn around_the_target_nothing_moves_and_memory_alone_can_bring_more() {
    let mut scaler = Scaler::new(&specification("staging", "payment"));
    let steady = run(&mut scaler, 600, |_, _| [("cpu", 75.0), ("memory", 80.0)]);
    assert_eq!(steady, []);
    let mut scaler = Scaler::new(&specification("staging", "payment"));
    let leak = run(&mut scaler, 60, |now, _| {
        [
            ("cpu", 10.0),
            ("memory", if now == 0 { 40.0 } else { 99.0 }),
        ]
    });
    assert_eq!(leak, [(15, 4), (30, 5)]);
}

#[test]
fn no_load_ever_leaves_the_bounds_and_down_is_never_more_than_one_after_a_calm_minute() {
    for name in OVERLAYS {
        let spec = specification(name, "booking");
        let [least, most] =
            ["minReplicas", "maxReplicas"].map(|field| spec[field].as_u64().unwrap());
        for seed in 1..200_u64 {
            let mut scaler = Scaler::new(&spec);
            // A small generator: the same loads on every machine.
            let noise = move |now: u64| (now * 2_654_435_761 + seed * 40_503) % 211;
            let mut changes = run(&mut scaler, 3600, |now, _| {
                [("cpu", noise(now / 300) as f64), ("memory", 50.0)]
            });
            assert!(
                changes
                    .iter()
                    .all(|(_, to)| (least..=most).contains(&u64::from(*to))),
                "{changes:?}"
            );
            changes.insert(0, (0, u32::try_from(least).unwrap()));
            for pair in changes.windows(2) {
                let [(before, from), (after, to)] = pair else {
                    unreachable!()
                };
                let fell = from.saturating_sub(*to);
                assert!(
                    fell <= 1 || after - before < 60,
                    "{name} {seed}: {changes:?}"
                );
            }
        }
    }
}
