//! Staging at its full size: what budgets keep, and what the real autoscaler does. Namespace `impresario`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::kubectl::{deploy, get, kubectl, prepared, run, said, wait_until};

const NAMESPACE: &str = "impresario";
const POOLS: [&str; 4] = ["catalog", "payment", "booking", "notification"];

fn replicas(name: &str) -> u64 {
    let object = get(NAMESPACE, &format!("deployment/{name}"));
    object["spec"]["replicas"].as_u64().unwrap_or(0)
}

/// Every pod of the namespace uses so many thousandths of a processor.
fn everybody_uses(milli: u32) {
    let address = std::env::var("CONTROL_PLANE_METRICS").unwrap();
    let url = format!("{address}/cpu?namespace={NAMESPACE}&milli={milli}");
    let ran = std::process::Command::new("curl")
        .args(["-sSf", "--noproxy", "*", "-X", "POST", &url])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
}

/// Evicts a pod as a drain does; whether it was allowed.
fn evict(pod: &str) -> Result<(), String> {
    let body = json!({ "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": { "name": pod, "namespace": NAMESPACE } });
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction");
    let output = run(
        &["create", "--raw", &path, "--filename", "-"],
        &body.to_string(),
    );
    if output.status.success() {
        Ok(())
    } else {
        Err(said(&output))
    }
}

#[test]
fn staging_runs_at_full_size_keeps_its_members_and_scales() {
    prepared();
    everybody_uses(100);
    secrets();
    let (code, told) = deploy(&["--overlay", "staging", "--wait"]);
    assert_eq!(code, 0, "{told}");
    for (name, count) in [
        ("orchestrator", 3),
        ("catalog", 3),
        ("payment", 3),
        ("booking", 3),
        ("notification", 3),
    ] {
        let look =
            || match get(NAMESPACE, &format!("deployment/{name}"))["status"]["availableReplicas"]
                .as_u64()
            {
                Some(seen) if seen == count => Ok(()),
                other => Err(format!("{name}: {other:?}, not {count}")),
            };
        wait_until("full size", look);
    }
    replicas_are_spread();
    a_second_member_is_not_evicted();
    pools_go_from_three_to_five_and_come_down_one_a_minute();
}

/// As somebody would bring them.
fn secrets() {
    let mut namespace = vec!["create", "namespace", NAMESPACE];
    if !run(&["get", "namespace", NAMESPACE], "").status.success() {
        kubectl(&namespace);
    }
    namespace.clear();
    for line in std::fs::read_to_string(crate::kubectl::folder().join("secrets.txt"))
        .unwrap()
        .lines()
    {
        let mut words = line.split_whitespace();
        let Some(name) = words.next().filter(|name| !name.starts_with('#')) else {
            continue;
        };
        let keys: Vec<String> = words.map(|key| format!("--from-literal={key}=x")).collect();
        let mut command = vec![
            "--namespace",
            NAMESPACE,
            "create",
            "secret",
            "generic",
            name,
        ];
        command.extend(keys.iter().map(String::as_str));
        kubectl(&command);
    }
}

fn replicas_are_spread() {
    // Members of a cluster must be apart, replicas should be.
    for (name, least) in [("orchestrator", 2), ("payment", 2), ("rabbitmq", 3)] {
        let mut nodes = of_pods(name, "spec.nodeName");
        nodes.sort_unstable();
        nodes.dedup();
        assert!(nodes.len() >= least, "{name}: {nodes:?}");
    }
}

/// With no node to go to, an evicted member stays away; the next one must stay. Then everybody comes back.
fn a_second_member_is_not_evicted() {
    kubectl(&["cordon", "--selector", "kubernetes.io/os=linux"]);
    for name in ["rabbitmq", "kafka", "redis", "payment", "orchestrator"] {
        let pods = pods(name);
        assert_eq!(pods.len(), 3, "{name}: {pods:?}");
        evict(&pods[0]).unwrap();
        wait_until("the budget sees that one is away", || {
            let budget = get(NAMESPACE, &format!("poddisruptionbudget/{name}"));
            match budget["status"]["disruptionsAllowed"].as_u64() {
                Some(0) => Ok(()),
                _ => Err(format!("{name}: {}", budget["status"])),
            }
        });
        let told = evict(&pods[1]).unwrap_err();
        assert!(told.contains("disruption budget"), "{name}: {told}");
    }
    kubectl(&["uncordon", "--selector", "kubernetes.io/os=linux"]);
    for what in [
        "statefulset/rabbitmq",
        "statefulset/kafka",
        "statefulset/redis",
        "deployment/payment",
        "deployment/orchestrator",
    ] {
        wait_until(
            "it is back",
            || match get(NAMESPACE, what)["status"]["availableReplicas"].as_u64() {
                Some(3) => Ok(()),
                other => Err(format!("{what}: {other:?}")),
            },
        );
    }
}

/// The names of a workload's pods.
fn pods(name: &str) -> Vec<String> {
    of_pods(name, "metadata.name")
}

/// A field of each of a workload's pods.
fn of_pods(name: &str, field: &str) -> Vec<String> {
    let selector = format!("app.kubernetes.io/name={name}");
    let output = format!("jsonpath={{.items[*].{field}}}");
    let fields = kubectl(&[
        "--namespace",
        NAMESPACE,
        "get",
        "pods",
        "--selector",
        &selector,
        "--output",
        &output,
    ]);
    fields.split_whitespace().map(str::to_owned).collect()
}

/// How many replicas each pool is to have, as the controller says it.
fn sizes() -> [u64; 4] {
    POOLS.map(replicas)
}

/// Waits until every pool has this many, and tells each change on the way: seconds since `began`, then the replicas.
fn watched(began: Instant, count: u64) -> Vec<(f64, [u64; 4])> {
    let mut trace = Vec::new();
    let mut last = [0; 4];
    wait_until(&format!("pools of {count}"), || {
        let seen = sizes();
        if seen != last {
            let at = began.elapsed().as_secs_f64();
            println!("{at:6.1} s  {}  {seen:?}", POOLS.join(" "));
            trace.push((at, seen));
            last = seen;
        }
        if seen == [count; 4] {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    trace
}

fn pools_go_from_three_to_five_and_come_down_one_a_minute() {
    everybody_uses(700);
    let began = Instant::now();
    println!("every pod uses 700m of its 250m");
    for (_, sizes) in watched(began, 5) {
        assert!(
            sizes.iter().all(|size| [3, 5].contains(size)),
            "in one step, not {sizes:?}"
        );
    }
    // The controller would wait five minutes for calm. That is its arithmetic, which other tests do; here it is the
    // policy that is looked at, so the wait is taken away.
    let patch = r#"{"spec":{"behavior":{"scaleDown":{"stabilizationWindowSeconds":0}}}}"#;
    for pool in POOLS {
        kubectl(&[
            "--namespace",
            NAMESPACE,
            "patch",
            "horizontalpodautoscaler",
            pool,
            "--type=merge",
            "--patch",
            patch,
        ]);
    }
    // Counted from the start of the minute: what came within it may go at once.
    let calm = Duration::from_secs(66).saturating_sub(began.elapsed());
    std::thread::sleep(calm);
    everybody_uses(10);
    let began = Instant::now();
    println!("every pod uses 10m");
    let trace = watched(began, 3);
    for (pool, name) in POOLS.iter().enumerate() {
        let first = |count: u64| trace.iter().find(|(_, sizes)| sizes[pool] == count);
        let (Some((four, _)), Some((three, _))) = (first(4), first(3)) else {
            panic!("{name} was never at 4: {trace:?}");
        };
        assert!(
            three - four >= 50.0,
            "{name}: both within a minute: {trace:?}"
        );
    }
}
