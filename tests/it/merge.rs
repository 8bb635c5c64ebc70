//! `merge`: the runs of several load generators as one, and `bench --start-at`, which starts them
//! together.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{self, Place, ran, rcache};

crate::tests![
    two_halves_make_the_whole,
    generators_start_together,
    unlike_runs_are_not_merged,
    wrong_usage_of_merge_and_start_at_exits_with_2,
];

fn saved(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn save(path: &Path, run: &Value) {
    std::fs::write(path, run.to_string()).unwrap();
}

/// A run of two parts, and a file for each part and for the whole in a folder.
fn halves(place: &Place, folder: &Path) -> Value {
    let file = folder.join("whole.json");
    let bench = ["bench", "--runs", "2", "--iterations", "1200", "--workload", "point", "--output"];
    place.run(&[&bench[..], &[file.to_str().unwrap()]].concat()).fine();
    let whole = saved(&file);
    for (name, part) in ["one.json", "other.json"].iter().zip(whole["runs"].as_array().unwrap()) {
        let mut run = whole.clone();
        for field in ["started_at", "wall_s", "controls", "workloads", "warnings"] {
            run[field] = part[field].clone();
        }
        run["config"]["rng_seed"] = part["rng_seed"].clone();
        run["runs"] = json!([]);
        if *name == "other.json" {
            run["started_at"] = json!("2030-01-01T00:00:00Z");
        }
        save(&folder.join(name), &run);
    }
    whole
}

fn merge(folder: &Path, files: &[&str]) -> world::Ran {
    let mut command = rcache();
    command.current_dir(folder).arg("merge").args(files).args(["--output", "all.json"]);
    ran(&mut command)
}

fn two_halves_make_the_whole() {
    let (place, folder) = (Place::seeded(300), tempfile::tempdir().unwrap());
    let whole = halves(&place, folder.path());
    let page = merge(folder.path(), &["one.json", "other.json"]).fine();
    assert!(
        page.stdout.contains("2 clients") && page.stdout.contains("2 load generators"),
        "{}",
        page.stdout
    );
    // They ran one after the other.
    assert!(page.stderr.contains("not made at the same time"), "{}", page.stderr);
    let merged = saved(&folder.path().join("all.json"));
    let paths = |run: &Value| run["workloads"][0]["paths"].as_array().unwrap().clone();
    for (merged, whole) in paths(&merged).iter().zip(paths(&whole)) {
        for field in ["operations", "percentiles_ns", "histogram", "min_ns", "max_ns", "hits", "misses"] {
            assert_eq!(merged[field], whole[field], "{field}");
        }
        assert!(whole["percentiles_ns"]["99"].is_number());
    }
    assert_eq!((&merged["generators"], &merged["config"]["clients"]), (&json!(2), &json!(2)));
    assert_eq!(merged["runs"].as_array().unwrap().len(), 2);
    // What was merged is a run like others, but for another merge.
    let mut compare = rcache();
    compare.current_dir(folder.path()).args(["compare", "all.json", "all.json", "--format", "json"]);
    assert_eq!(ran(&mut compare).fine().json()["variation_measured"], false);
    std::fs::rename(folder.path().join("all.json"), folder.path().join("merged.json")).unwrap();
    merge(folder.path(), &["merged.json", "one.json"]).failed(5, &["merged.json was merged before"]);
    merge(folder.path(), &["whole.json", "one.json"]).failed(5, &["whole.json holds several runs"]);
}

fn generators_start_together() {
    // Each with a namespace of its own.
    let (places, folder) = ([Place::seeded(300), Place::seeded(300)], tempfile::tempdir().unwrap());
    let start = jiff::Timestamp::now() + Duration::from_secs(4);
    let start_at = start.to_string();
    let names = ["one", "other"];
    let start_one = |(place, name): (&Place, &str)| {
        let file = folder.path().join(format!("{name}.json"));
        let mut command = place.command(&["bench", "--workload", "point", "--time", "300ms"]);
        command.args(["--start-at", &start_at, "--output"]).arg(file);
        world::start(&mut command)
    };
    let children: Vec<_> = places.iter().zip(names).map(start_one).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for name in ["one", "other"] {
        let run = saved(&folder.path().join(format!("{name}.json")));
        let started: jiff::Timestamp = run["started_at"].as_str().unwrap().parse().unwrap();
        // The file has whole seconds.
        assert!(started.as_second() >= start.as_second(), "{started} is before {start}");
        assert_eq!(run["workloads"][0]["ended"], "time", "none ends earlier than the others");
    }
    merge(folder.path(), &["one.json", "other.json"]).fine();
    let merged = saved(&folder.path().join("all.json"));
    assert_eq!(merged["generators"], 2);
    let reads = |run: &Value| run["workloads"][0]["paths"][2]["operations"].as_u64().unwrap();
    let of = |name: &str| reads(&saved(&folder.path().join(name)));
    assert_eq!(reads(&merged), of("one.json") + of("other.json"));
}

fn unlike_runs_are_not_merged() {
    let (place, folder) = (Place::seeded(300), tempfile::tempdir().unwrap());
    halves(&place, folder.path());
    let path = |name: &str| folder.path().join(name);
    let refused = |change: &dyn Fn(&mut Value), reason: &str| {
        let mut run = saved(&path("other.json"));
        change(&mut run);
        save(&path("changed.json"), &run);
        merge(folder.path(), &["one.json", "changed.json"]).failed(5, &["cannot be merged", reason]);
        assert!(!path("all.json").exists(), "{reason}");
    };
    refused(&|run| run["dataset"]["users"] = json!(7), "dataset.users differs");
    refused(&|run| run["config"]["clients"] = json!(7), "config.clients differs");
    refused(&|run| run["config"]["iterations"] = json!(7), "config.iterations differs");
    refused(
        &|run| run["environment"]["redis"]["version"] = json!("1.0"),
        "environment.redis.version differs",
    );
    refused(&|run| run["interrupted"] = json!(true), "was interrupted");
    refused(
        &|run| run["workloads"][0]["paths"][1]["histogram"] = json!("AAAA"),
        "has a histogram that cannot be read: point.cold",
    );
    merge(folder.path(), &["one.json", "one.json"]).failed(5, &["holds the same run"]);
    save(&path("scenario.json"), &json!({ "format": "rcache-scenario", "format_version": 1 }));
    merge(folder.path(), &["one.json", "scenario.json"]).failed(5, &["scenario.json", "not a bench"]);
    merge(folder.path(), &["one.json", "nowhere.json"]).failed(1, &["nowhere.json", "does not exist"]);
}

fn wrong_usage_of_merge_and_start_at_exits_with_2() {
    ran(rcache().args(["merge", "one.json", "--output", "all.json"])).failed(2, &["RUN"]);
    ran(rcache().args(["merge", "one.json", "other.json"])).failed(2, &["--output"]);
    ran(rcache().args(["merge", "-", "-", "--output", "/dev/null"])).failed(2, &["stdin"]);
    for (time, reason) in [
        ("2020-01-01T00:00:00Z", "it is past"),
        ("2999-01-01T00:00:00Z", "more than a day away"),
        ("12:30", "expected a time"),
    ] {
        ran(rcache().args(["bench", "--start-at", time])).failed(2, &["--start-at", reason]);
    }
    let soon = (jiff::Timestamp::now() + Duration::from_secs(60)).to_string();
    ran(rcache().args(["bench", "--runs", "2", "--start-at", &soon])).failed(2, &["--start-at", "--runs"]);
}
