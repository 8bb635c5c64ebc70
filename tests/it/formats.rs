//! Real output held against the published JSON Schemas, and the histograms that other tools read.

use std::path::Path;

use serde_json::Value;

use crate::published::strict_complaints;
use crate::world::{Place, ran, rcache};

crate::tests![
    what_is_saved_is_what_is_published,
    what_an_experiment_prints_is_what_is_published,
    histograms_are_saved_for_other_tools,
    a_folder_that_cannot_be_written_is_found_before_the_run,
];

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn what_is_saved_is_what_is_published() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for arguments in [
        &["--iterations", "100", "--assert", "all.warm.errors == 0", "--verify-hit-ratio=80"][..],
        &["--iterations", "2", "--clients", "2", "--codec", "json"],
        &["--iterations", "12", "--workload", "all,page,point,aggregate", "--codec", "arrow,msgpack"],
        &["--iterations", "1", "--workload", "point", "--path", "mysql"],
    ] {
        let file = folder.path().join(format!("{}.json", files.len()));
        let bench = [&["bench", "--output", file.to_str().unwrap()], arguments].concat();
        place.run(&bench).fine();
        let run: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(strict_complaints(&schema("rcache-run.schema.json"), &run), [""; 0], "{arguments:?}");
        files.push(file);
    }
    for [baseline, candidate] in [[0, 0], [0, 1], [1, 3], [2, 2]] {
        let mut command = rcache();
        command.arg("compare").args([&files[baseline], &files[candidate]]);
        let compared = ran(command.args(["--force", "--format", "json"])).fine().json();
        let schema = schema("rcache-comparison.schema.json");
        assert_eq!(strict_complaints(&schema, &compared), [""; 0], "{baseline} and {candidate}");
    }
}

fn what_an_experiment_prints_is_what_is_published() {
    let place = Place::new();
    for name in ["stale", "stampede", "avalanche", "penetration", "corrupt"] {
        let scenario = ["scenario", name, "--duration", "1", "--clients", "4", "--format", "json"];
        let document = crate::scenario::not_broken(place.run(&scenario)).json();
        is_as_published("rcache-scenario.schema.json", &document);
    }
}

#[track_caller]
pub(crate) fn is_as_published(name: &str, document: &Value) {
    assert_eq!(strict_complaints(&schema(name), document), [""; 0], "{document}");
}

fn histograms_are_saved_for_other_tools() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("histograms");
    let arguments = ["bench", "--iterations", "30", "--format", "json", "--hgrm", dir.to_str().unwrap()];
    let run = place.run(&arguments).fine().json();
    let log = std::fs::read_to_string(dir.join("rcache.hlog")).unwrap();
    assert!(log.contains("#[Histogram log format version 1.3]\n#[StartTime: "), "{log}");
    let mut tags = Vec::new();
    for workload in run["workloads"].as_array().unwrap() {
        for path in workload["paths"].as_array().unwrap() {
            let tag = format!("{}.{}", workload["name"].as_str().unwrap(), path["path"].as_str().unwrap());
            let table = std::fs::read_to_string(dir.join(format!("{tag}.hgrm"))).unwrap();
            assert!(table.trim_start().starts_with("Value "), "{table}");
            assert!(table.contains("Total count    =           30]"), "{table}");
            let line = log.lines().find(|line| line.starts_with(&format!("Tag={tag},0.000,"))).unwrap();
            assert_eq!(line.rsplit(',').next(), path["histogram"].as_str());
            tags.push(tag);
        }
    }
    assert_eq!(tags.len(), 6);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 7);
}

fn a_folder_that_cannot_be_written_is_found_before_the_run() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    for dir in [file.to_str().unwrap(), "/nonexistent/histograms", "/proc"] {
        // The table is not seeded: had the run begun, that would have been the error.
        place.run(&["bench", "--hgrm", dir]).failed(1, &[dir, "--hgrm"]);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    let new = folder.path().join("new");
    place.run(&["bench", "--hgrm", new.to_str().unwrap()]).failed(1, &["not seeded"]);
    assert!(!new.exists(), "a folder that nothing came into is gone again");
}
