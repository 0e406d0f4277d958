//! What Argo Rollouts name: the Deployment whose pods they take, which leaves its replicas to them; Services, routes, and
//! analyses with the arguments that they want.

use serde_json::Value;

use crate::manifest::{Manifest, Object, items};

pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    for object in manifest.of_kind("Rollout") {
        let mut found = of_workload(manifest, object);
        found.extend(of_strategy(manifest, object));
        let called = object.called();
        problems.extend(found.into_iter().map(|what| format!("{called}: {what}")));
    }
    problems
}

fn of_workload(manifest: &Manifest, object: &Object) -> Vec<String> {
    let name = object.text("/spec/workloadRef/name");
    let Some(deployment) = manifest.get("Deployment", name) else {
        return vec![format!("there is no Deployment {name}")];
    };
    let mut problems = Vec::new();
    if !deployment.at("/spec/replicas").is_null() {
        problems.push(format!("Deployment {name} has replicas of its own"));
    }
    if object.at("/spec/selector") != deployment.at("/spec/selector") {
        problems.push(format!("selects other pods than Deployment {name}"));
    }
    problems
}

fn of_strategy(manifest: &Manifest, object: &Object) -> Vec<String> {
    let strategy = object.at("/spec/strategy");
    let (canary, switch) = (&strategy["canary"], &strategy["blueGreen"]);
    let mut problems = Vec::new();
    for service in [
        &canary["stableService"],
        &canary["canaryService"],
        &switch["activeService"],
        &switch["previewService"],
    ] {
        let name = service.as_str();
        if name.is_some_and(|name| manifest.get("Service", name).is_none()) {
            problems.push(format!("there is no Service {service}"));
        }
    }
    let router = &canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"];
    if let Some(route) = router["httpRoute"].as_str() {
        if router["namespace"] != manifest.namespace() {
            problems.push(format!("its route is in {}", router["namespace"]));
        }
        problems.extend(of_route(manifest, route, canary));
    }
    for analysis in [
        &canary["analysis"],
        &switch["prePromotionAnalysis"],
        &switch["postPromotionAnalysis"],
    ] {
        for template in items(&analysis["templates"]) {
            problems.extend(of_analysis(
                manifest,
                &template["templateName"],
                &analysis["args"],
            ));
        }
    }
    problems
}

/// The route leads to both Services, so that there is something to share out.
fn of_route(manifest: &Manifest, name: &str, canary: &Value) -> Vec<String> {
    let Some(route) = manifest.get("HTTPRoute", name) else {
        return vec![format!("there is no HTTPRoute {name}")];
    };
    let rules = route.list("/spec/rules").iter();
    let both = |rule: &Value| {
        ["stableService", "canaryService"].iter().all(|service| {
            let mut backends = items(&rule["backendRefs"]).iter();
            backends.any(|backend| backend["name"] == canary[service])
        })
    };
    rules
        .filter(|rule| !both(rule))
        .map(|_| format!("HTTPRoute {name} does not lead to both Services"))
        .collect()
}

fn of_analysis(manifest: &Manifest, name: &Value, given: &Value) -> Vec<String> {
    let template = manifest.get("AnalysisTemplate", name.as_str().unwrap_or_default());
    let Some(template) = template else {
        return vec![format!("there is no AnalysisTemplate {name}")];
    };
    let wanted = template.list("/spec/args").iter().map(|one| &one["name"]);
    wanted
        .filter(|wanted| !items(given).iter().any(|one| one["name"] == **wanted))
        .map(|wanted| format!("AnalysisTemplate {name} is not told {wanted}"))
        .collect()
}
