//! `bench --runs`: one file of several processes, what an interrupt leaves, and what a failure
//! does.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::world::{self, Place};

crate::tests![
    several_runs_are_one_file,
    an_interrupt_keeps_the_finished_runs,
    a_run_that_fails_at_once_ends_the_bench,
];

fn saved(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn several_runs_are_one_file() {
    let place = Place::seeded(300);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.json");
    let file = path.to_str().unwrap();
    let bench = ["bench", "--runs", "3", "--iterations", "200", "--workload", "point", "--output", file];
    let page = place.run(&[&bench[..], &["--assert", "point.warm.errors == 0"]].concat()).fine();
    assert!(page.stderr.contains("Run 3 of 3") && page.stderr.contains("Left behind:"), "{}", page.stderr);
    assert!(!page.stdout.contains("--output run.json"), "it is saved: {}", page.stdout);
    assert!(page.stdout.contains("point"), "{}", page.stdout);
    let document = saved(&path);
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    let seeds: Vec<u64> = runs.iter().map(|run| run["rng_seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [42, 43, 44], "each orders its keys anew");
    assert!(runs.iter().all(|run| run["workloads"][0]["paths"][2]["operations"] == 200));
    let warm = &document["workloads"][0]["paths"][2];
    assert_eq!(
        (&warm["path"], &warm["operations"], &warm["hits"]),
        (&"warm".into(), &600.into(), &600.into())
    );
    assert!(warm["over_control"]["typical"]["ci95"][0].is_number(), "{warm}");
    assert_eq!(document["assertions"][0]["verdict"], "passed");
    assert_eq!(document["workloads"][0]["controls"][0]["statement"], "PING");
    let compared =
        place.run(&["compare", file, file, "--fail-on-regression", "--format", "json"]).fine().json();
    assert_eq!(compared["variation_measured"], true);
    assert_eq!(compared["baseline"]["runs"], 3);
}

fn an_interrupt_keeps_the_finished_runs() {
    let place = Place::seeded(300);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.json");
    let file = path.to_str().unwrap();
    let bench = ["bench", "--runs", "100", "--iterations", "300", "--workload", "point", "--output", file];
    let mut child = world::start(&mut place.command(&bench));
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let third = stderr.find(|line| line.as_ref().is_ok_and(|line| line.contains("Run 3 of 100")));
    assert!(third.is_some());
    world::signal(&child, "TERM");
    let rest: Vec<String> = stderr.map_while(Result::ok).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("of 100 runs w")), "{rest:?}");
    let said = |words: &str| rest.iter().filter(|line| line.contains(words)).count();
    assert_eq!(said("the numbers cover what was measured until then"), 1, "{rest:?}");
    assert!(said("press Ctrl-C again") <= 1 && said("Left behind:") == 1, "{rest:?}");
    let document = saved(&path);
    assert_eq!(document["interrupted"], true);
    let runs = document["runs"].as_array().unwrap().len() as u64;
    assert!((2..100).contains(&runs), "{runs}");
    assert_eq!(document["workloads"][0]["paths"][2]["operations"], 300 * runs);
}

fn a_run_that_fails_at_once_ends_the_bench() {
    let place = Place::seeded(300);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.json");
    let bench = ["bench", "--runs", "3", "--users", "7", "--output", file.to_str().unwrap()];
    let failed =
        place.run(&bench).failed(1, &["seeded with 300 users", "run 1 of 3 ended with exit status: 1"]);
    assert!(!failed.stderr.contains("Run 2") && !file.exists(), "{}", failed.stderr);
    place.run(&["bench", "--runs", "0"]).failed(2, &["--runs"]);
}
