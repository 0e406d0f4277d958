//! What builds and delivers: the image, the scripts, the workflows.

use std::fs;
use std::process::Command;

use impresario_k8s::manifest::Manifest;
use impresario_k8s::schema::Schemas;

use crate::files::{OVERLAYS, folder, overlay, read};

/// The instructions of the Dockerfile, of its last stage.
fn image() -> Vec<(String, String)> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let last = text.rsplit_once("\nFROM ").unwrap().1;
    let lines = std::iter::once(format!("FROM {}", last.lines().next().unwrap()));
    let lines = lines.chain(last.lines().skip(1).map(str::to_owned));
    lines
        .filter_map(|line| {
            let (word, rest) = line.split_once(' ')?;
            Some((word.to_owned(), rest.trim().to_owned()))
        })
        .collect()
}

fn instruction(name: &str) -> String {
    let all = image();
    let found = all.iter().find(|(word, _)| word == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.clone()
}

#[test]
fn the_image_is_one_program_without_a_shell_and_the_pods_run_it_as_its_own_user() {
    assert!(
        instruction("FROM").contains("distroless"),
        "{}",
        instruction("FROM")
    );
    assert_eq!(instruction("ENTRYPOINT"), "[\"/impresario\"]");
    let user = instruction("USER");
    let ports = instruction("EXPOSE");
    for name in OVERLAYS {
        for workload in overlay(name).workloads() {
            let mut containers = workload.containers();
            let ours = containers.any(|one| {
                one["image"]
                    .as_str()
                    .is_some_and(|image| image.contains("/impresario:"))
            });
            if !workload.is_ours || !ours {
                continue;
            }
            let context = &workload.pod()["securityContext"];
            let runs_as = format!("{}:{}", context["runAsUser"], context["runAsGroup"]);
            assert_eq!(runs_as, user, "{name} {}", workload.name());
            for port in workload.ports.values() {
                assert!(
                    ports.split_whitespace().any(|one| one == port.to_string()),
                    "{port} of {ports}"
                );
            }
        }
    }
}

#[test]
fn the_image_is_built_by_the_compiler_that_the_sources_ask_for() {
    let toolchain = read("../rust-toolchain.toml");
    let dockerfile = read("Dockerfile");
    let (_, rest) = dockerfile.split_once("FROM rust:").unwrap();
    let version = rest.split('-').next().unwrap();
    let wanted = format!("channel = \"{version}");
    assert!(toolchain.contains(&wanted), "{version}, {toolchain}");
}

#[test]
fn scripts_are_clean() {
    let mut scripts = vec![folder().join("deploy.sh"), folder().join("render.sh")];
    for place in [
        "cluster",
        "components/postgres/files",
        "components/postgres-replica/files",
        "components/postgres-backup/files",
        "components/kafka/files",
        "components/redis/files",
    ] {
        let entries = fs::read_dir(folder().join(place)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        scripts.extend(files.filter(|path| path.extension().is_some_and(|kind| kind == "sh")));
    }
    assert_eq!(scripts.len(), 12, "{scripts:?}");
    let Ok(ran) = Command::new("shellcheck").args(&scripts).output() else {
        eprintln!("SKIPPED: no shellcheck");
        return;
    };
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
}

#[test]
fn workflows_may_little_and_run_only_what_is_pinned() {
    for name in ["ci", "release"] {
        let text = read(format!("../.github/workflows/{name}.yml"));
        assert!(
            text.contains("\npermissions: {}\n"),
            "{name}: what a job does not ask for it must not have"
        );
        assert!(text.contains("persist-credentials: false"), "{name}");
        let uses = text.lines().filter_map(|line| line.split_once("uses: "));
        for (_, action) in uses {
            let (_, rest) = action.split_once('@').unwrap();
            let (commit, version) = rest.split_once(" # v").unwrap_or((rest, ""));
            assert!(
                commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()),
                "{name}: {action}"
            );
            assert!(
                !version.is_empty(),
                "{name}: {action} does not say its version"
            );
        }
        // What somebody else writes (a title, a branch) never becomes part of a command.
        let runs = text.lines().filter(|line| {
            line.trim_start()
                .trim_start_matches("- ")
                .starts_with("run:")
        });
        for line in runs {
            assert!(!line.contains("${{"), "{name}: {line}");
        }
    }
}

#[test]
fn clusters_that_follow_git_follow_an_overlay_that_is_made_for_it() {
    let schemas = Schemas::read(&folder().join("schemas")).unwrap();
    for name in ["argocd/apps/impresario", "flux"] {
        let manifest = Manifest::parse(&read(format!("gitops/{name}.yaml"))).unwrap();
        assert_eq!(schemas.problems(&manifest), Vec::<String>::new(), "{name}");
        let mut paths = manifest.objects.iter().flat_map(|object| {
            ["/spec/source/path", "/spec/path"].map(|pointer| object.text(pointer))
        });
        let path = paths.find(|path| !path.is_empty()).unwrap();
        let overlay_name = path.rsplit('/').next().unwrap();
        let followed = overlay(overlay_name);
        let notes = followed
            .get("Job", "migrate")
            .unwrap()
            .at("/metadata/annotations");
        assert_eq!(
            notes["kustomize.toolkit.fluxcd.io/force"], "enabled",
            "{name}"
        );
        assert_eq!(
            notes["argocd.argoproj.io/hook-delete-policy"], "BeforeHookCreation",
            "{name}"
        );
    }
}

#[test]
fn the_root_application_keeps_the_others_and_their_project_lets_them() {
    let schemas = Schemas::read(&folder().join("schemas")).unwrap();
    let manifest = Manifest::parse(&read("gitops/argocd/root.yaml")).unwrap();
    assert_eq!(schemas.problems(&manifest), Vec::<String>::new());
    let project = manifest.get("AppProject", "impresario").unwrap();
    let root = manifest.get("Application", "impresario-apps").unwrap();
    let place = root.text("/spec/source/path").strip_prefix("k8s/").unwrap();
    let mut applications = vec![root.clone()];
    for entry in fs::read_dir(folder().join(place)).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        applications.extend(Manifest::parse(&text).unwrap().objects);
    }
    assert!(applications.len() > 1);
    for application in &applications {
        assert_eq!(application.text("/spec/project"), project.name());
        let destination = application.at("/spec/destination");
        assert!(
            project.list("/spec/destinations").contains(destination),
            "{}",
            application.called()
        );
        let source = application.at("/spec/source/repoURL");
        assert!(project.list("/spec/sourceRepos").contains(source));
    }
}
