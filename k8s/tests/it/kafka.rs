//! What a Kafka pod does before its server starts, with Kafka's own tool: settings that a broker takes, a volume that is made
//! ready once. The server itself is not started: its peers have names in a cluster only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use impresario_services::Kafka;
use tempfile::TempDir;

use crate::files::{folder, read};

/// The image's scripts, on the jars that are installed here; the server's shows what it would be started with.
fn programs(place: &Path, jars: &Path) {
    let jars = jars.display();
    let tool = format!(
        "#!/bin/bash\nexec java -Xmx128m -XX:TieredStopAtLevel=1 -cp '{jars}/*' kafka.tools.StorageTool \"$@\"\n"
    );
    for (name, text) in [
        ("kafka-storage.sh", tool.as_str()),
        ("kafka-server-start.sh", "#!/bin/bash\ncat \"$1\"\n"),
    ] {
        fs::write(place.join(name), text).unwrap();
        fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn start(place: &Path, pod: &str) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("bash")
        .arg(folder().join("components/kafka/files/start.sh"))
        .env("PATH", format!("{}:{path}", place.display()))
        .env("POD_NAME", pod)
        .env("CLUSTER_ID", cluster())
        .env("SETTINGS", place)
        .env("DATA", place.join("data"))
        .output()
        .unwrap()
}

/// As the manifest says it.
fn cluster() -> String {
    let text = read("components/kafka/kafka.yaml");
    let (_, rest) = text.split_once("- name: CLUSTER_ID\n").unwrap();
    let line = rest.lines().next().unwrap();
    line.trim().strip_prefix("value: ").unwrap().to_owned()
}

#[test]
fn a_node_takes_its_number_from_its_name_and_a_volume_is_made_ready_once() {
    let Some(jars) = Kafka::installed() else {
        eprintln!("SKIPPED: no Kafka");
        return;
    };
    let place = TempDir::new().unwrap();
    programs(place.path(), &jars);
    let first = start(place.path(), "kafka-2");
    let said = String::from_utf8_lossy(&[first.stdout, first.stderr].concat()).into_owned();
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains("\nadvertised.listeners=PLAINTEXT://kafka-2.kafka-nodes:9092\n"),
        "{said}"
    );
    let made = fs::read_to_string(place.path().join("data/meta.properties")).unwrap();
    assert!(made.contains("node.id=2\n"), "{made}");
    assert!(
        made.contains(&format!("cluster.id={}\n", cluster())),
        "{made}"
    );

    // The pod comes back to the same volume, and leaves it as it is.
    let again = start(place.path(), "kafka-2");
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let still = fs::read_to_string(place.path().join("data/meta.properties")).unwrap();
    assert_eq!(still, made);
}
