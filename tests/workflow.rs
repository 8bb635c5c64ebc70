//! The workflow of this repository: what it runs exists, and it covers the library's features.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn workflow() -> Yaml {
    let text = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// The values under this key in every step of every job.
fn of_steps(workflow: &Yaml, key: &str) -> Vec<String> {
    let jobs = workflow["jobs"].as_hash().unwrap();
    let steps = jobs.values().flat_map(|job| job["steps"].as_vec().unwrap());
    steps.filter_map(|step| step[key].as_str().map(str::to_owned)).collect()
}

/// The names of the features in a manifest.
fn features(manifest: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let section = text.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let name = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    section.lines().filter(|line| !line.starts_with('#')).filter_map(name).collect()
}

#[test]
fn each_job_ends_and_uses_fixed_versions() {
    let workflow = workflow();
    for (name, job) in workflow["jobs"].as_hash().unwrap() {
        assert!(job["runs-on"].as_str().is_some(), "{name:?}");
        assert!(job["timeout-minutes"].as_i64().is_some(), "{name:?} may run forever");
    }
    for action in of_steps(&workflow, "uses") {
        assert!(action.split_once('@').is_some_and(|(_, version)| !version.is_empty()), "{action}");
    }
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
}

#[test]
fn linux_the_oldest_compiler_macos_and_the_library_are_covered() {
    let workflow = workflow();
    let jobs = &workflow["jobs"];
    assert_eq!(jobs["macos"]["runs-on"].as_str(), Some("macos-latest"));
    let commands = of_steps(&workflow, "run");
    assert!(commands.iter().any(|command| command == "scripts/test"), "{commands:?}");
    // The version is read from the manifest, not typed a second time.
    let oldest = commands.iter().find(|command| command.contains("rust-version")).unwrap();
    assert!(oldest.contains("Cargo.toml") && oldest.contains("cargo \"+$version\" check"), "{oldest}");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert_eq!(manifest.lines().filter(|line| line.starts_with("rust-version = \"")).count(), 1);
    for script in commands.iter().filter(|command| command.starts_with("scripts/")) {
        assert!(root().join(script).exists(), "{script}");
    }
}

#[test]
fn the_library_is_built_with_each_feature_and_with_none() {
    let workflow = workflow();
    let matrix = workflow["jobs"]["library"]["strategy"]["matrix"]["feature"].as_vec().unwrap();
    let built: BTreeSet<String> = matrix.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let mut expected = features(&root().join("crates/cache-aside/Cargo.toml"));
    // The default is made of others, and the hooks are for this repository's tests.
    for name in ["default", "test-hooks"] {
        assert!(expected.remove(name), "{name}");
    }
    expected.insert(String::new());
    assert_eq!(built, expected);
}
