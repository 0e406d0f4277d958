//! Every code of the catalogue, as authors see it: one file each, one snapshot each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use impresario_workflows::Definition;
use impresario_workflows::definition::render;

fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect()
}

fn codes_in(text: &str) -> BTreeSet<String> {
    text.match_indices("SG")
        .filter_map(|(at, _)| text.get(at..at + 5))
        .filter(|code| code[2..].bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_fixture_is_told_off_as_its_name_says() {
    for (name, text) in fixtures() {
        let checked = Definition::check(&name, &text);
        let codes: BTreeSet<&str> = checked.diagnostics.iter().map(|found| found.code).collect();
        assert!(codes.contains(&name[..5]), "{name} gives {codes:?}");
        let refused = checked.diagnostics.iter().any(|found| found.is_error());
        assert_eq!(refused, checked.definition.is_none(), "{name}");
        let rendered = render(&checked.diagnostics, &format!("{name}.yaml"), &text);
        insta::with_settings!({ snapshot_path => "../fixtures/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, rendered);
        });
    }
}

#[test]
fn every_code_has_a_fixture_and_a_chapter() {
    let catalogue = codes_in(include_str!("../../src/definition/code.rs"));
    let names: String = fixtures()
        .into_iter()
        .map(|(name, _)| name + "\n")
        .collect();
    assert_eq!(catalogue, codes_in(&names));
    let reference = include_str!("../../../docs/definitions.md");
    for code in catalogue {
        assert!(
            reference.contains(&format!("### {code}")),
            "{code} is not in docs/definitions.md"
        );
    }
}
