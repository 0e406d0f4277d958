//! Rendered YAML as objects, and the workloads among them.

use std::collections::BTreeMap;

use serde_json::Value;

/// Labels, or a selector's `matchLabels`.
pub type Labels = BTreeMap<String, String>;

/// One object of a manifest.
#[derive(Clone, Debug)]
pub struct Object {
    /// All of it.
    pub value: Value,
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its group and version.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// What people call it.
    pub fn called(&self) -> String {
        format!("{} {}", self.kind(), self.name())
    }

    /// What a JSON pointer leads to; null for nothing.
    pub fn at(&self, pointer: &str) -> &Value {
        self.value.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The same as text; empty for nothing.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// The items of the list there.
    pub fn list(&self, pointer: &str) -> &[Value] {
        items(self.at(pointer))
    }
}

/// A manifest: what one overlay renders to.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// In the order of the file.
    pub objects: Vec<Object>,
}

impl Manifest {
    /// Reads rendered YAML.
    ///
    /// # Errors
    /// When a document is no YAML.
    pub fn parse(text: &str) -> Result<Manifest, String> {
        let mut objects = Vec::new();
        for document in text.split("\n---\n").filter(|part| !part.trim().is_empty()) {
            let value: Value = serde_saphyr::from_str(document)
                .map_err(|error| format!("{error} in:\n{document}"))?;
            objects.push(Object { value });
        }
        Ok(Manifest { objects })
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects
            .iter()
            .filter(move |object| object.kind() == kind)
    }

    /// The object of this kind and name.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Object> {
        self.objects
            .iter()
            .find(|object| object.kind() == kind && object.name() == name)
    }

    /// Mutable, for tests that break something.
    pub fn get_mut(&mut self, kind: &str, name: &str) -> Option<&mut Object> {
        self.objects
            .iter_mut()
            .find(|object| object.kind() == kind && object.name() == name)
    }

    /// Whatever runs pods.
    pub fn workloads(&self) -> Vec<Workload<'_>> {
        self.objects.iter().filter_map(Workload::of).collect()
    }

    /// The namespace that everything is in.
    pub fn namespace(&self) -> &str {
        self.of_kind("Namespace")
            .next()
            .map_or("", |object| object.name())
    }
}

/// An object that runs pods: ours, or an operator's.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    /// The object.
    pub object: &'a Object,
    /// What its pods are labelled with.
    pub labels: Labels,
    /// The ports that its pods listen on, by name.
    pub ports: BTreeMap<String, i64>,
    /// Whether we write its pods; an operator writes the others'.
    pub is_ours: bool,
}

impl<'a> Workload<'a> {
    fn of(object: &'a Object) -> Option<Workload<'a>> {
        let (labels, ports, is_ours) = match object.kind() {
            "Deployment" | "StatefulSet" | "Job" | "CronJob" => (
                labels(object.at(&format!("{}/metadata/labels", template(object)))),
                ports(object),
                true,
            ),
            // CloudNativePG: instances listen on 5432 and tell their operator on 8000.
            "Cluster" => (
                labels(object.at("/spec/inheritedMetadata/labels")),
                BTreeMap::from([("postgresql".into(), 5432), ("status".into(), 8000)]),
                false,
            ),
            // Strimzi labels its pods so; their template is the node pool's.
            "Kafka" => (
                Labels::from([
                    ("app.kubernetes.io/name".into(), "kafka".into()),
                    ("strimzi.io/cluster".into(), object.name().to_owned()),
                ]),
                BTreeMap::from([
                    ("tcp-ctrlplane".into(), 9090),
                    ("tcp-replication".into(), 9091),
                    ("tcp-plain".into(), 9092),
                    ("tcp-kafkaagent".into(), 8443),
                ]),
                false,
            ),
            // The RabbitMQ operator labels pods with the cluster's name, and names ports so.
            "RabbitmqCluster" => (
                rabbitmq_labels(object),
                BTreeMap::from([
                    ("amqp".into(), 5672),
                    ("epmd".into(), 4369),
                    ("cluster-rpc".into(), 25672),
                    ("prometheus".into(), 15692),
                ]),
                false,
            ),
            _ => return None,
        };
        Some(Workload {
            object,
            labels,
            ports,
            is_ours,
        })
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.object.name()
    }

    /// Containers, those that run first too.
    pub fn containers(&self) -> impl Iterator<Item = &'a Value> {
        let first = items(&self.pod()["initContainers"]);
        first.iter().chain(items(&self.pod()["containers"]))
    }

    /// The pods' own specification.
    pub fn pod(&self) -> &'a Value {
        self.object.at(&format!("{}/spec", template(self.object)))
    }

    /// Whether it goes on for ever, as a Job does not.
    pub fn is_lasting(&self) -> bool {
        !matches!(self.object.kind(), "Job" | "CronJob")
    }
}

/// Where an object has what its pods are made from.
fn template(object: &Object) -> &'static str {
    match object.kind() {
        "CronJob" => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    }
}

fn ports(object: &Object) -> BTreeMap<String, i64> {
    let containers = object.list("/spec/template/spec/containers");
    let ports = containers
        .iter()
        .flat_map(|container| items(&container["ports"]));
    ports
        .filter_map(|port| {
            let name = port["name"].as_str()?.to_owned();
            Some((name, port["containerPort"].as_i64()?))
        })
        .collect()
}

fn rabbitmq_labels(object: &Object) -> Labels {
    let own = "/spec/override/statefulSet/spec/template/metadata/labels";
    let mut labels = labels(object.at(own));
    labels.insert("app.kubernetes.io/name".into(), object.name().to_owned());
    labels
}

/// A value's entries as labels.
pub fn labels(value: &Value) -> Labels {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A value's items; none when it is no list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether a label selector (`matchLabels` and `matchExpressions` with `In`) takes these labels. An empty one takes
/// everything.
pub fn selects(selector: &Value, labels_of: &Labels) -> bool {
    let wanted = labels(&selector["matchLabels"]);
    let by_label = wanted
        .iter()
        .all(|(key, value)| labels_of.get(key) == Some(value));
    let by_expression = items(&selector["matchExpressions"])
        .iter()
        .all(|expression| {
            let key = expression["key"].as_str().unwrap_or_default();
            let mut values = items(&expression["values"])
                .iter()
                .filter_map(Value::as_str);
            expression["operator"] == "In"
                && labels_of
                    .get(key)
                    .is_some_and(|value| values.any(|one| one == value))
        });
    by_label && by_expression
}
