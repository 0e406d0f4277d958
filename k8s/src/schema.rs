//! Schemas of every kind that we use: what a field is called, what it holds, what must be there.
//!
//! Unknown fields are errors, as they are for `kubectl apply` with strict validation: a misspelt one would otherwise
//! be left out silently.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::manifest::{Manifest, Object};

/// Validators by API version and kind.
#[derive(Debug)]
pub struct Schemas {
    by_kind: BTreeMap<(String, String), Validator>,
}

impl Schemas {
    /// Reads `kubernetes.json` and the custom resource definitions in `crds/`.
    ///
    /// # Errors
    /// When a file is missing or no schema.
    pub fn read(folder: &Path) -> Result<Schemas, String> {
        let mut by_kind = BTreeMap::new();
        let own = json_file(&folder.join("kubernetes.json"))?;
        let kinds = own["kinds"].as_object().ok_or("no kinds")?;
        for (kind, definition) in kinds {
            let (version, kind) = kind.split_once(' ').ok_or("a kind without a version")?;
            let definition = definition.as_str().unwrap_or_default();
            let schema = json!({ "$ref": format!("#/$defs/{definition}"), "$defs": own["$defs"] });
            let validator = jsonschema::validator_for(&schema).map_err(|e| e.to_string())?;
            by_kind.insert((version.to_owned(), kind.to_owned()), validator);
        }
        let crds = fs::read_dir(folder.join("crds")).map_err(|e| e.to_string())?;
        for file in crds {
            let crd = json_file(&file.map_err(|e| e.to_string())?.path())?;
            for version in crate::manifest::items(&crd["spec"]["versions"]) {
                let mut schema = version["schema"]["openAPIV3Schema"].clone();
                close(&mut schema, true);
                let validator = jsonschema::validator_for(&schema).map_err(|e| e.to_string())?;
                let (group, name) = (&crd["spec"]["group"], &version["name"]);
                let api = [group, name].map(|part| part.as_str().unwrap_or_default());
                let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default();
                by_kind.insert((api.join("/"), kind.to_owned()), validator);
            }
        }
        Ok(Schemas { by_kind })
    }

    /// What is wrong in a manifest.
    pub fn problems(&self, manifest: &Manifest) -> Vec<String> {
        manifest
            .objects
            .iter()
            .flat_map(|object| self.of_object(object))
            .collect()
    }

    fn of_object(&self, object: &Object) -> Vec<String> {
        let kind = (object.api_version().to_owned(), object.kind().to_owned());
        let Some(validator) = self.by_kind.get(&kind) else {
            return vec![format!(
                "{}: no schema of {} {}",
                object.called(),
                kind.0,
                kind.1
            )];
        };
        let errors = validator.iter_errors(&object.value);
        errors
            .map(|error| format!("{} at {}: {error}", object.called(), error.instance_path()))
            .collect()
    }
}

fn json_file(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// A structural schema as JSON Schema: no unknown fields, numbers or texts where Kubernetes takes either.
fn close(schema: &mut Value, is_root: bool) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if map.remove("x-kubernetes-int-or-string") == Some(Value::Bool(true)) {
        map.remove("anyOf");
        map.insert("type".into(), json!(["integer", "string"]));
    }
    let open = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        if is_root {
            // Every object has them, also where a definition does not repeat it.
            for name in ["apiVersion", "kind", "metadata"] {
                properties.entry(name).or_insert_with(|| json!({}));
            }
        }
        for (name, inner) in properties.iter_mut() {
            if !(is_root && name == "metadata") {
                close(inner, false);
            }
        }
        if !open {
            map.insert("additionalProperties".into(), Value::Bool(false));
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(inner) {
            close(inner, false);
        }
    }
    map.remove("format");
}
