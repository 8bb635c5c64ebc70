//! Comparing saved runs: what is refused and why, the verdicts, the gate's exit statuses, the three
//! outputs. Saved runs are edited where a test needs a certain number, so that no test hangs on
//! timing.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{self, Place, Ran, ran, rcache};

crate::tests![
    a_run_is_like_itself,
    the_gate_has_its_exit_statuses,
    the_gate_takes_its_percentage,
    a_gate_of_its_own_and_what_is_undecided,
    machines_and_settings_may_differ_and_are_named,
    unlike_things_are_refused_with_a_status_of_their_own,
    a_run_comes_from_stdin,
    runs_that_did_not_end_well_are_refused,
    wrong_files_are_explained,
    wrong_usage_of_compare_exits_with_2,
    markdown_is_for_pages_alone,
    the_document_has_its_fields,
    a_closed_stdout_ends_compare_quietly,
];

/// A real run, measured once for all tests here.
fn real() -> &'static Value {
    static RUN: OnceLock<Value> = OnceLock::new();
    RUN.get_or_init(|| {
        let place = Place::seeded(100);
        let files = Files::new();
        let file = files.path("run.json");
        place.run(&["bench", "--iterations", "50", "--output", file.to_str().unwrap()]).fine();
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    })
}

/// The real run with intervals that leave no doubt.
fn sure() -> Value {
    let mut run = real().clone();
    for workload in run["workloads"].as_array_mut().unwrap() {
        for path in workload["paths"].as_array_mut().unwrap() {
            set_cost(path, 1.5);
            path["typical_ns"] = json!(1e6);
        }
        for control in workload["controls"].as_array_mut().unwrap() {
            control["typical_ns"] = json!(1e5);
        }
    }
    run
}

/// Sets the cost of a path in terms of its control, to a percent.
fn set_cost(path: &mut Value, cost: f64) {
    let ratio = json!({ "ratio": cost, "ci95": [0.99 * cost, 1.01 * cost] });
    path["over_control"]["typical"] = ratio.clone();
    path["over_control"]["mean"] = ratio;
    path["over_control"]["withheld"] = Value::Null;
}

/// The sure run with the hits of one workload slower.
fn slowed(workload: usize, factor: f64) -> Value {
    let mut run = sure();
    let warm = &mut run["workloads"][workload]["paths"][2];
    assert_eq!(warm["path"], "warm");
    set_cost(warm, 1.5 * factor);
    // Other reads, whatever they took.
    warm["operations"] = json!(warm["operations"].as_u64().unwrap() - 1);
    run
}

/// A folder of saved runs.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn save(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn command(baseline: &Path, candidate: &Path, arguments: &[&str]) -> Command {
    let mut command = rcache();
    command.arg("compare").args([baseline, candidate]).args(arguments);
    command
}

#[track_caller]
fn compare(baseline: &Value, candidate: &Value, arguments: &[&str]) -> Ran {
    let files = Files::new();
    let baseline = files.save("baseline.json", baseline.to_string().as_bytes());
    let candidate = files.save("candidate.json", candidate.to_string().as_bytes());
    ran(&mut command(&baseline, &candidate, arguments))
}

fn a_run_is_like_itself() {
    let page = compare(real(), real(), &[]).fine().stdout;
    for word in [
        "baseline.json",
        "candidate.json",
        "Workload all",
        "Workload point",
        "PING",
        "Summary",
        "same measurement",
    ] {
        assert!(page.contains(word), "{word:?} is missing in:\n{page}");
    }
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(!page.contains("regressed") && !page.contains("undecided"), "{page}");
    // However few reads there are: the same is the same.
    let gates = ["--fail-on-regression=1", "--gate", "all.mysql: 1%", "--gate", "point.warm.p99.9: 1%"];
    compare(real(), real(), &gates).fine();
    compare(&sure(), &sure(), &["--fail-on-regression"]).fine();
}

fn the_gate_has_its_exit_statuses() {
    let gate = &["--fail-on-regression"];
    let regressed = slowed(1, 1.5);
    compare(&sure(), &regressed, &[]).fine();
    let failed =
        compare(&sure(), &regressed, gate).failed(3, &["error:", "slower by more than 10 %", "point"]);
    assert!(failed.stdout.contains("regressed"), "the page is printed all the same");
    compare(&regressed, &sure(), gate).fine();
    compare(&sure(), &slowed(0, 1.1), gate).failed(4, &["could not decide", "all"]);
    // A regression that is sure outweighs what is not.
    let mut both = slowed(0, 1.1);
    both["workloads"][1] = regressed["workloads"][1].clone();
    compare(&sure(), &both, gate).failed(3, &["point"]);
    let mut withheld = slowed(0, 1.0);
    let over = &mut withheld["workloads"][0]["paths"][2]["over_control"];
    over["typical"] = Value::Null;
    over["withheld"] = "2 rounds are too few".into();
    let undecided = compare(&sure(), &withheld, gate).ended(4);
    assert!(undecided.stdout.contains("in the candidate 2 rounds are too few"), "{}", undecided.stdout);
    compare(&sure(), &withheld, &[]).fine();
}

fn the_gate_takes_its_percentage() {
    let (baseline, candidate) = (sure(), slowed(0, 1.5));
    compare(&baseline, &candidate, &["--fail-on-regression=10"]).failed(3, &["10 %"]);
    compare(&baseline, &candidate, &["--fail-on-regression=80"]).fine();
    compare(&baseline, &candidate, &["--fail-on-regression=49.5"]).failed(4, &["49.5 %"]);
}

fn a_gate_of_its_own_and_what_is_undecided() {
    let slow = slowed(1, 1.5);
    compare(&sure(), &slow, &["--gate", "point.warm: 80%"]).fine();
    compare(&sure(), &slow, &["--gate", "point.warm: 15%"])
        .failed(3, &["point.warm slower by more than 15 %"]);
    compare(&sure(), &slow, &["--gate", "point.cold: 15%", "--gate", "all.mysql: 20%"]).fine();
    compare(&sure(), &slow, &["--fail-on-regression", "--gate", "point.warm: 80%"]).fine();
    compare(&sure(), &slow, &["--gate", "page.warm: 5%"]).failed(2, &["page", "all, point"]);
    compare(&sure(), &slow, &["--gate", "point.warm"]).failed(2, &["--gate", "point.cold: 15%"]);
    let unsure = slowed(0, 1.1);
    let undecided =
        |arguments: &[&str]| compare(&sure(), &unsure, &[&["--fail-on-regression"], arguments].concat());
    undecided(&[]).failed(4, &["could not decide", "all.warm"]);
    let passed = undecided(&["--inconclusive=pass"]).fine();
    assert!(passed.stderr.contains("could not decide"), "{}", passed.stderr);
    undecided(&["--inconclusive=fail"]).failed(3, &["could not decide"]);
    compare(&sure(), &slow, &["--fail-on-regression", "--inconclusive=pass"]).failed(3, &["point.warm"]);
}

fn machines_and_settings_may_differ_and_are_named() {
    let mut other = slowed(0, 1.5);
    other["config"]["iterations"] = 51.into();
    other["environment"]["os"] = "Linux 6.99".into();
    other["environment"]["cpu_model"] = "another".into();
    other["environment"]["redis"]["version"] = "0.1\u{1b}[2J".into();
    other["environment"]["mysql"]["flavor"] = "another".into();
    other["environment"]["mysql"]["settings"]["innodb_buffer_pool_size"] = "1".into();
    other["config"]["clients"] = 3.into();
    other["workloads"][0]["codec"] = "json".into();
    let fields = [
        "environment.os",
        "environment.cpu_model",
        "environment.redis.version",
        "environment.mysql.flavor",
        "environment.mysql.settings.innodb_buffer_pool_size",
        "config.clients",
        "config.iterations",
        "workloads.all.codec",
    ];
    for format in ["text", "json", "markdown"] {
        let compared = compare(&sure(), &other, &["--format", format]).fine();
        assert!(!compared.stdout.contains('\u{1b}'), "a file cannot steer the terminal");
        // Markdown escapes underscores.
        let page = compared.stdout.replace("\\_", "_");
        for field in fields {
            assert!(page.contains(field), "{field} is missing in:\n{page}");
        }
    }
    compare(&sure(), &other, &["--fail-on-regression"]).failed(3, &["all"]);
    compare(&other, &sure(), &["--fail-on-regression"]).fine();
}

fn unlike_things_are_refused_with_a_status_of_their_own() {
    let mut other = slowed(0, 1.5);
    other["dataset"]["users"] = 7.into();
    other["dataset"]["fingerprint"] = "f\u{1b}[2J".into();
    for arguments in [&[][..], &["--fail-on-regression"], &["--format", "json"]] {
        let refused =
            compare(&sure(), &other, arguments).failed(5, &["dataset.users", "fingerprint", "--force"]);
        assert!(refused.stdout.is_empty() && !refused.stderr.contains('\u{1b}'));
    }
    for format in ["text", "json", "markdown"] {
        let forced = compare(&sure(), &other, &["--force", "--format", format]).fine();
        assert!(forced.stdout.to_lowercase().contains("forced"), "{}", forced.stdout);
        assert!(forced.stdout.contains("dataset.users"), "{}", forced.stdout);
    }
    compare(&sure(), &other, &["--force", "--fail-on-regression"]).failed(3, &["all"]);
    let [mut all, mut point] = [sure(), sure()];
    all["workloads"].as_array_mut().unwrap().truncate(1);
    point["workloads"].as_array_mut().unwrap().remove(0);
    compare(&all, &point, &["--force"]).failed(5, &["workloads differ: all in the baseline, point"]);
    // One in common is compared.
    let page = compare(&sure(), &point, &[]).fine().stdout;
    assert!(page.contains("the candidate did not measure this workload"), "{page}");
}

fn runs_that_did_not_end_well_are_refused() {
    let mut interrupted = sure();
    interrupted["interrupted"] = true.into();
    compare(&sure(), &interrupted, &[]).failed(5, &["the candidate was interrupted", "--force"]);
    let mut wrong = sure();
    wrong["workloads"][1]["paths"][0]["errors"] = json!({ "wrong_answer": 2 });
    compare(&wrong, &sure(), &[]).failed(5, &["the baseline has failed reads in workload point: 2"]);
    let forced = compare(&wrong, &interrupted, &["--force"]).fine();
    assert!(forced.stdout.contains("did not end well"), "{}", forced.stdout);
}

fn a_run_comes_from_stdin() {
    let files = Files::new();
    let file = files.save("run.json", sure().to_string().as_bytes());
    let piped = |arguments: [&Path; 2], bytes: &[u8]| {
        let mut command = command(arguments[0], arguments[1], &[]);
        let mut child = world::start(command.stdin(Stdio::piped()));
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        world::checked(&child.wait_with_output().unwrap())
    };
    let slow = slowed(0, 1.5).to_string();
    let page = piped([&file, Path::new("-")], slow.as_bytes()).fine().stdout;
    assert!(page.contains("regressed"), "{page}");
    piped([Path::new("-"), &file], slow.as_bytes()).fine();
    piped([Path::new("-"), &file], b"").failed(1, &["the baseline from stdin", "empty"]);
    piped([Path::new("-"), Path::new("-")], slow.as_bytes()).failed(2, &["stdin"]);
}

fn wrong_files_are_explained() {
    let files = Files::new();
    let good = files.save("good.json", real().to_string().as_bytes());
    let text = real().to_string();
    let edited = |field: &str, value: Value| {
        let mut run = real().clone();
        *run.pointer_mut(field).unwrap() = value;
        run.to_string().into_bytes()
    };
    let mut newer = real().clone();
    newer["format_version"] = 2.into();
    newer["rcache_version"] = "7.7.7".into();
    newer["workloads"] = 0.into();
    for (name, bytes, words) in [
        ("cut.json", text.as_bytes()[..text.len() / 2].to_vec(), &["cut short"][..]),
        ("empty.json", Vec::new(), &["empty"]),
        ("words.json", b"not a run".to_vec(), &["not JSON"]),
        ("binary.json", vec![0, 159, 255, 3], &["not JSON"]),
        ("after.json", (text.clone() + "}").into_bytes(), &["not JSON"]),
        ("array.json", b"[]".to_vec(), &["not a run file"]),
        ("foreign.json", edited("/format", "other".into()), &["\"other\"", "not a run file"]),
        ("gzip.json", b"\x1f\x8b\x08\0".to_vec(), &["gzip", "zcat"]),
        ("utf16.json", b"\xff\xfe{\0".to_vec(), &["UTF-16", "iconv"]),
        (
            "field.json",
            edited("/workloads/0/paths/0/operations", "x".into()),
            &["workloads[0].paths[0].operations"],
        ),
        ("deep.json", format!("{{\"a\":{}", "[".repeat(100_000)).into_bytes(), &["cut short"]),
    ] {
        let wrong = files.save(name, &bytes);
        let mut words = words.to_vec();
        words.push(name);
        ran(&mut command(&good, &wrong, &[])).failed(1, &words).failed(1, &["cannot read the candidate"]);
        ran(&mut command(&wrong, &good, &["--force"])).failed(1, &["cannot read the baseline"]);
    }
    for (bytes, words) in [
        (edited("/format", "rcache-scenario".into()), &["holds an experiment"][..]),
        (newer.to_string().into_bytes(), &["rcache 7.7.7", "format version 2"]),
    ] {
        let another = files.save("another.json", &bytes);
        ran(&mut command(&good, &another, &["--force"])).failed(5, words);
    }
    let marked = files.save("marked.json", &[b"\xef\xbb\xbf", text.as_bytes()].concat());
    ran(&mut command(&good, &marked, &[])).fine();
    ran(&mut command(&good, &files.path("missing.json"), &[])).failed(1, &["missing.json", "does not exist"]);
    ran(&mut command(files.0.path(), &good, &[])).failed(1, &["folder"]);
}

fn wrong_usage_of_compare_exits_with_2() {
    let files = Files::new();
    let file = files.save("run.json", real().to_string().as_bytes());
    for percent in ["0", "-5", "inf", "NaN", "ten", ""] {
        let flag = format!("--fail-on-regression={percent}");
        ran(&mut command(&file, &file, &[&flag])).failed(2, &["--fail-on-regression"]);
    }
    ran(rcache().args(["compare"]).arg(&file)).failed(2, &["CANDIDATE"]);
    // Without `=` the next word is a file of its own.
    ran(&mut command(&file, &file, &["--fail-on-regression", "10"])).failed(2, &["unexpected argument"]);
}

fn markdown_is_for_pages_alone() {
    let comment = compare(&sure(), &slowed(0, 1.5), &["--format", "markdown"]).fine().stdout;
    assert!(comment.starts_with("### Summary: regressed\n"), "{comment}");
    assert!(comment.contains("- **all hits**: regressed"), "{comment}");
    ran(rcache().args(["flush", "--format", "markdown"])).failed(2, &["text or json"]);
}

fn the_document_has_its_fields() {
    let mut candidate = slowed(0, 1.5);
    candidate["config"]["rng_seed"] = 43.into();
    let document =
        compare(&sure(), &candidate, &["--format", "json", "--fail-on-regression=20"]).ended(3).json();
    let field =
        |path: &str| document.pointer(path).unwrap_or_else(|| panic!("{path} is missing in {document}"));
    for (path, value) in [
        ("/format", json!("rcache-comparison")),
        ("/format_version", json!(1)),
        ("/rcache_version", json!(env!("CARGO_PKG_VERSION"))),
        ("/baseline/started_at", real()["started_at"].clone()),
        ("/candidate/rcache_version", real()["rcache_version"].clone()),
        ("/forced", json!(false)),
        ("/unlike", json!([])),
        ("/unsound", json!([])),
        (
            "/other_differences",
            json!([{ "field": "config.rng_seed", "baseline": real()["config"]["rng_seed"].to_string(), "candidate": "43" }]),
        ),
        ("/tolerance_percent", json!(20.0)),
        ("/gate", json!("failed")),
        ("/workloads/0/name", json!("all")),
        ("/workloads/0/codec", json!("arrow")),
        ("/workloads/0/verdict", json!("regressed")),
        ("/workloads/0/gate", json!("failed")),
        ("/identical", json!(false)),
        ("/gates/0/name", json!("all.warm")),
        ("/gates/0/result", json!("failed")),
        ("/gates/0/figure", json!("typical")),
        ("/gates/3/result", json!("passed")),
        ("/workloads/0/paths/2/verdict", json!("regressed")),
        ("/workloads/0/paths/2/figures/0/figure", json!("typical")),
        ("/workloads/0/paths/2/figures/0/withheld", Value::Null),
        ("/workloads/0/controls/0/statement", json!("PING")),
        ("/workloads/1/verdict", json!("unchanged")),
        ("/workloads/1/gate", json!("passed")),
        ("/workloads/1/speedup/baseline", real()["workloads"][1]["speedup"].clone()),
        ("/workloads/1/miss_penalty/candidate", real()["workloads"][1]["miss_penalty"].clone()),
        ("/workloads/1/paths/2/path", json!("warm")),
        ("/workloads/1/paths/2/baseline_mean_ns", real()["workloads"][1]["paths"][2]["mean_ns"].clone()),
    ] {
        assert_eq!(field(path), &value, "{path}");
    }
    let change = field("/workloads/0/paths/2/figures/0/change");
    assert!((change["ratio"].as_f64().unwrap() - 1.5).abs() < 1e-9);
    assert!(change["ci95"][0].as_f64().unwrap() > 1.2 && change["ci95"][1].as_f64().unwrap() < 1.8);
    assert!(field("/candidate/file").as_str().unwrap().ends_with("candidate.json"));
    assert!(field("/baseline/warnings").is_array());
    assert_eq!(compare(&sure(), &sure(), &["--format", "json"]).fine().json()["gate"], Value::Null);
}

fn a_closed_stdout_ends_compare_quietly() {
    let files = Files::new();
    let file = files.save("run.json", real().to_string().as_bytes());
    for format in ["text", "json", "markdown"] {
        let mut child = world::start(&mut command(&file, &file, &["--format", format]));
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    }
    // The gate holds, whoever reads.
    let slow = files.save("slow.json", slowed(0, 1.5).to_string().as_bytes());
    let sure = files.save("sure.json", sure().to_string().as_bytes());
    let mut child = world::start(&mut command(&sure, &slow, &["--fail-on-regression"]));
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}
