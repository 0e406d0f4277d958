//! Cross references: whatever a manifest names is there. No schema sees that a selector selects nothing.

mod data;
mod edge;
mod pods;
mod rollouts;
mod scalers;
mod selectors;

pub(crate) use edge::paths;

use crate::manifest::Manifest;
use crate::secrets::Secrets;

/// What is named and is not there. `given` are secrets that come from outside the manifest.
pub fn problems(manifest: &Manifest, given: &Secrets) -> Vec<String> {
    let mut problems = pods::problems(manifest, given);
    problems.extend(selectors::problems(manifest));
    problems.extend(scalers::problems(manifest, given));
    problems.extend(edge::problems(manifest));
    problems.extend(data::problems(manifest));
    problems.extend(rollouts::problems(manifest));
    problems
}

/// Whether a secret has a key, in the manifest or outside.
fn has_secret(manifest: &Manifest, given: &Secrets, name: &str, key: &str) -> bool {
    let brought = crate::secrets::brought(manifest);
    [&brought, given]
        .into_iter()
        .any(|secrets| secrets.get(name).is_some_and(|keys| keys.contains(key)))
}
