//! The bench: what it counts, what it verifies, what it saves, and how it ends.

use std::io::Read;

use mysql::prelude::Queryable;
use redis::Commands;
use serde_json::Value;

use crate::world::{self, Place};

crate::tests![
    each_workload_is_measured_for_the_same_time,
    rate_times_latency_is_the_number_of_clients,
    round_trips_are_counted_and_a_longer_way_is_computed_from_them,
    every_path_is_read_and_counted,
    every_codec_carries_every_workload,
    several_clients_share_the_work,
    clients_go_over_the_cores_where_there_are_enough,
    a_hit_ratio_is_enforced_and_held_against_what_is_expected,
    the_parts_of_a_read_add_up_to_it,
    json_on_stdout_is_the_saved_run,
    text_says_what_was_measured,
    a_wrong_answer_makes_it_fail,
    an_interrupted_bench_saves_what_it_has,
    an_interrupted_bench_names_the_workloads_that_it_did_not_reach,
    a_lost_server_ends_it_with_what_it_has,
    an_output_that_cannot_be_written_is_found_before_the_run,
    a_closed_stdout_ends_it_quietly,
    a_table_that_is_not_seeded_is_an_error,
    fewer_users_than_clients_are_an_error,
    expired_entries_are_counted_where_they_belong,
    a_foreign_key_that_appears_in_the_middle_is_left_alone,
    ratios_stand_with_their_intervals_or_a_reason,
    assertions_decide_the_exit_status,
];

fn path<'a>(run: &'a Value, workload: &str, path: &str) -> &'a Value {
    let by = |list: &'a Value, field: &str, name: &str| {
        list.as_array().unwrap().iter().find(|item| item[field] == name).unwrap_or(&Value::Null)
    };
    by(&by(&run["workloads"], "name", workload)["paths"], "path", path)
}

fn every_path_is_read_and_counted() {
    let place = Place::seeded(2_000);
    let arguments = ["bench", "--iterations", "1000", "--workload", "point", "--format", "json"];
    let run = place.run(&[&arguments[..], &["--path", "mysql,cold,warm,naive"]].concat()).fine().json();
    assert_eq!((&run["format"], &run["format_version"]), (&"rcache-run".into(), &1.into()));
    assert_eq!((&run["dataset"]["users"], &run["interrupted"]), (&2_000.into(), &false.into()));
    for (name, hits, misses) in [
        ("mysql", Value::Null, Value::Null),
        ("cold", 0.into(), 1_000.into()),
        ("warm", 1_000.into(), 0.into()),
        ("naive", 0.into(), 1_000.into()),
    ] {
        let path = path(&run, "point", name);
        assert_eq!(path["operations"], 1_000, "{name}");
        assert_eq!((&path["hits"], &path["misses"]), (&hits, &misses), "{name}");
        assert_eq!(path["errors"], serde_json::json!({}));
        assert!(path["typical_ns"].is_number(), "{name}");
        let ns = |field: &str| path[field].as_f64().unwrap();
        assert!(ns("min_ns") <= ns("mean_ns") && ns("mean_ns") <= ns("max_ns"));
        assert!(path["percentiles_ns"]["99"].is_u64() && path["percentiles_ns"]["99.9"].is_null());
    }
}

fn every_codec_carries_every_workload() {
    let place = Place::seeded(200);
    for codec in ["arrow", "postcard", "json"] {
        let run =
            place.run(&["bench", "--iterations", "5", "--codec", codec, "--format", "json"]).fine().json();
        for workload in ["all", "point"] {
            assert_eq!(path(&run, workload, "warm")["hits"], 5, "{codec} {workload}");
        }
        assert_eq!(run["workloads"][0]["codec"], codec);
    }
}

fn the_parts_of_a_read_add_up_to_it() {
    let place = Place::seeded(2_000);
    let run =
        place.run(&["bench", "--iterations", "30", "--workload", "all", "--format", "json"]).fine().json();
    for (name, parts) in [
        ("mysql", &["query"][..]),
        ("cold", &["encode", "get", "lease", "query", "set"]),
        ("warm", &["decode", "get"]),
    ] {
        let path = path(&run, "all", name);
        let measured = path["parts_mean_ns"].as_object().unwrap();
        assert_eq!(measured.keys().collect::<Vec<_>>(), parts, "{name}");
        let sum: f64 = measured.values().map(|ns| ns.as_f64().unwrap()).sum();
        let mean = path["mean_ns"].as_f64().unwrap();
        assert!(sum <= mean * 1.000_001 && sum > mean * 0.9, "{name}: {sum} of {mean}");
    }
}

fn a_hit_ratio_is_enforced_and_held_against_what_is_expected() {
    let place = Place::seeded(2_000);
    let bench = ["bench", "--iterations", "1000", "--workload", "point", "--clients", "2"];
    let run =
        place.run(&[&bench[..], &["--verify-hit-ratio", "80", "--format", "json"]].concat()).fine().json();
    let verified = &run["workloads"][0]["verified_hit_ratio"];
    assert_eq!((&verified["hits"], &verified["misses"]), (&800.into(), &200.into()), "{verified}");
    assert_eq!(verified["operations"], 1_000);
    let number = |field: &str| verified[field].as_f64().unwrap();
    let expected = 0.8 * path(&run, "point", "warm")["mean_ns"].as_f64().unwrap()
        + 0.2 * path(&run, "point", "cold")["mean_ns"].as_f64().unwrap();
    assert!((number("expected_mean_ns") / expected - 1.0).abs() < 1e-6);
    let ratio = &verified["measured_over_expected"];
    match ratio["ratio"].as_f64() {
        Some(ratio) => {
            assert!((ratio / (number("mean_ns") / expected) - 1.0).abs() < 0.05, "{verified}");
        }
        // The rounds of a busy machine may carry none.
        None => assert!(verified["withheld"].is_string(), "{verified}"),
    }
    // Of the paths' own blocks nothing was taken away.
    for (name, hits, misses) in [("cold", 0, 1_000), ("warm", 1_000, 0)] {
        let path = path(&run, "point", name);
        assert_eq!((&path["hits"], &path["misses"]), (&hits.into(), &misses.into()), "{path}");
    }
    let text = place.run(&[&bench[..], &["--verify-hit-ratio", "0%"]].concat()).fine();
    assert!(text.stdout.contains("Measured at 0 % hits (0 hits, 1,000 misses)"), "{}", text.stdout);
    let said = place.run(&[&bench[..], &["--verify-hit-ratio", "80", "--path", "mysql,warm"]].concat());
    assert!(said.stderr.contains("--verify-hit-ratio needs the path cold"), "{}", said.stderr);
    assert_eq!(said.code, Some(2));
    assert_eq!(place.run(&["bench", "--verify-hit-ratio", "101"]).code, Some(2));
}

fn several_clients_share_the_work() {
    let place = Place::seeded(2_000);
    // Where cores are dealt each has a queue of its own, else all have one.
    for (clients, cores) in [("2", "steady"), ("2", "free"), ("7", "free"), ("40", "free")] {
        let arguments = ["bench", "--iterations", "100", "--workload", "all,page,point", "--format", "json"];
        let shared = ["--clients", clients, "--cores", cores, "--verify-hit-ratio", "80"];
        let run = place.run(&[&arguments[..], &shared].concat()).fine().json();
        for workload in ["all", "page", "point"] {
            assert_eq!(path(&run, workload, "mysql")["operations"], 100);
            assert_eq!(
                path(&run, workload, "cold")["misses"],
                100,
                "one client's fill is no other one's hit"
            );
            assert_eq!(path(&run, workload, "warm")["hits"], 100);
            let mut workloads = run["workloads"].as_array().unwrap().iter();
            let verified = &workloads.find(|found| found["name"] == workload).unwrap()["verified_hit_ratio"];
            assert_eq!((&verified["hits"], &verified["misses"]), (&80.into(), &20.into()), "{verified}");
        }
    }
}

fn clients_go_over_the_cores_where_there_are_enough() {
    let place = Place::seeded(500);
    let bench = |arguments: &[&str]| {
        let always =
            ["bench", "--iterations", "20", "--workload", "point", "--path", "warm", "--format", "json"];
        place.run(&[&always[..], arguments].concat()).fine().json()
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let placements = [bench(&[]), bench(&["--cores", "free"]), bench(&["--clients", "500"])]
        .map(|run| run["config"]["placement"].clone());
    let expected = if cores >= 2 && cfg!(target_os = "linux") { "even" } else { "free" };
    assert_eq!(placements, [expected, "free", "free"], "{cores} cores");
    // Who may keep the cores awake does, unless told otherwise.
    let may = std::fs::OpenOptions::new().write(true).open("/dev/cpu_dma_latency").is_ok();
    let awake = [bench(&[]), bench(&["--cores", "free"])].map(|run| run["config"]["cores_awake"].clone());
    assert_eq!(awake, [may, false]);
}

fn json_on_stdout_is_the_saved_run() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let arguments = ["bench", "--iterations", "5", "--format", "json", "--output", file.to_str().unwrap()];
    let ran = place.run(&arguments).fine();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), ran.stdout);
    assert!(!ran.stdout.contains(&world::world().mysql_password));
}

fn text_says_what_was_measured() {
    let place = Place::seeded(100);
    let page = place.run(&["bench", "--iterations", "20"]).fine().stdout;
    for word in ["100 users", "MySQL", "hit", "miss", "p50", "Summary", "Redis is worth it above"] {
        assert!(page.contains(word), "{word:?} is missing in:\n{page}");
    }
    for word in ["SELECT 1", "rng_seed", "cold"] {
        assert!(!page.contains(word), "{word:?} is a detail, and in:\n{page}");
    }
    let details = place.run(&["bench", "--iterations", "20", "-v"]).fine().stdout;
    for word in ["data set", "MySQL SELECT 1", "Redis PING", "phase", "rng_seed", "`cold` in"] {
        assert!(details.contains(word), "{word:?} is missing in:\n{details}");
    }
    // --quiet is about notes and progress alone, on whichever side of the command it is.
    for arguments in [["--quiet", "bench", "--details"], ["--details", "bench", "--quiet"]] {
        let ran =
            place.run(&[&arguments[..], &["--iterations", "20", "--workload", "point"]].concat()).fine();
        assert!(ran.stdout.contains("data set") && ran.stdout.contains("phase"), "{}", ran.stdout);
        assert!(!ran.stderr.contains("private"), "{}", ran.stderr);
    }
    let mut command = place.command(&["bench", "--iterations", "20", "--workload", "point"]);
    let ascii = world::ran(command.env("LC_ALL", "C")).fine().stdout;
    assert!(ascii.is_ascii() && ascii.contains(" us "), "{ascii}");
    let too_wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(too_wide.is_empty(), "{too_wide:#?}");
}

fn a_wrong_answer_makes_it_fail() {
    let place = Place::seeded(1_000);
    let mut redis = place.redis();
    let arguments = ["bench", "--iterations", "100000", "--workload", "all", "--format", "json"];
    let bench = world::start(&mut place.command(&arguments));
    let key = format!("{}:users.arrow:1:0", place.namespace);
    world::wait_until("the bench reads", || redis.exists(&key).unwrap());
    place.mysql().query_drop("UPDATE users SET username = 'nobody' WHERE id = 500").unwrap();
    let ran = world::checked(&bench.wait_with_output().unwrap());
    let ran = ran.failed(1, &["failed", "not what the data set says"]);
    let run = ran.json();
    let counted = |name: &str| path(&run, "all", name)["errors"]["wrong_answer"].is_u64();
    // One of the two read the changed row first, and that ended the bench.
    assert!(counted("mysql") || counted("cold") || counted("warm"), "{}", ran.stdout);
}

fn an_interrupted_bench_names_the_workloads_that_it_did_not_reach() {
    let place = Place::seeded(100);
    let arguments = ["bench", "-n", "100M", "-w", "all,page,point", "--format", "json"];
    let bench = world::start(&mut place.command(&arguments));
    let mut redis = place.redis();
    let key = format!("{}:users.arrow:1:0", place.namespace);
    world::wait_until("the bench reads", || redis.exists(&key).unwrap());
    world::signal(&bench, "INT");
    let run = world::checked(&bench.wait_with_output().unwrap()).failed(130, &["interrupted"]).json();
    let warnings = run["warnings"].as_array().unwrap();
    let message = warnings.iter().find(|warning| warning["code"] == "not_measured").unwrap();
    assert!(message["message"].as_str().unwrap().contains("page, point"), "{message}");
}

fn an_interrupted_bench_saves_what_it_has() {
    for name in ["INT", "TERM"] {
        let place = Place::seeded(100);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        let arguments =
            ["bench", "--iterations", "100000000", "--workload", "point", "--output", file.to_str().unwrap()];
        let bench = world::start(&mut place.command(&arguments));
        let mut redis = place.redis();
        let pattern = format!("{}:user.postcard:1:*", place.namespace);
        // Every key was read more than once: rounds that count have begun.
        world::wait_until("the bench reads", || redis.keys::<_, Vec<String>>(&pattern).unwrap().len() == 100);
        std::thread::sleep(std::time::Duration::from_millis(300));
        world::signal(&bench, name);
        let ran = world::checked(&bench.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        assert!(ran.stdout.to_lowercase().contains("interrupted"), "{}", ran.stdout);
        let run: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(run["interrupted"], true);
        assert!(path(&run, "point", "mysql")["operations"].as_u64().unwrap() > 0);
    }
}

fn a_lost_server_ends_it_with_what_it_has() {
    let place = Place::seeded(100);
    let bench = world::start(&mut place.command(&[
        "bench",
        "--iterations",
        "100000000",
        "--workload",
        "point",
        "--format",
        "json",
    ]));
    let mut conn = place.mysql();
    let own: u64 = conn.query_first("SELECT CONNECTION_ID()").unwrap().unwrap();
    let pattern = format!("{}:user.postcard:1:*", place.namespace);
    let mut redis = place.redis();
    world::wait_until("the bench reads", || redis.keys::<_, Vec<String>>(&pattern).unwrap().len() > 10);
    let query = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> {own}",
        place.database
    );
    for id in conn.query::<u64, _>(query).unwrap() {
        let _ = conn.query_drop(format!("KILL {id}"));
    }
    let ran = world::checked(&bench.wait_with_output().unwrap()).failed(1, &["the first:"]);
    assert_eq!(ran.json()["format"], "rcache-run", "what was measured until then is printed");
}

fn an_output_that_cannot_be_written_is_found_before_the_run() {
    let place = Place::new();
    for output in ["/nonexistent/run.json", "/"] {
        // The table is not seeded: had the run begun, that would have been the error.
        let ran = place.run(&["bench", "--iterations", "1", "--output", output]);
        ran.failed(1, &["cannot write to", output, "--output"]);
    }
}

fn a_closed_stdout_ends_it_quietly() {
    let place = Place::seeded(100);
    let mut bench = world::start(&mut place.command(&["bench", "--iterations", "3", "--quiet"]));
    drop(bench.stdout.take());
    let mut stderr = String::new();
    bench.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(bench.wait().unwrap().code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
}

fn a_table_that_is_not_seeded_is_an_error() {
    let place = Place::new();
    place.run(&["bench"]).failed(1, &["not seeded", "rcache seed"]);
    place.run(&["schema"]).fine();
    place.run(&["bench"]).failed(1, &["not seeded", "rcache seed"]);
    place.run(&["seed", "--users", "20"]).fine();
    place.run(&["bench", "--users", "30"]).failed(1, &["seeded with 20 users, not 30", "--force"]);
}

fn fewer_users_than_clients_are_an_error() {
    let place = Place::seeded(3);
    place.run(&["bench", "--clients", "4"]).failed(2, &["--clients 4", "holds 3"]);
    place.run(&["bench", "--clients", "3", "--iterations", "10"]).fine();
}

fn expired_entries_are_counted_where_they_belong() {
    let place = Place::seeded(20);
    let mut redis = place.redis();
    let arguments =
        ["bench", "--iterations", "30000", "--workload", "point", "--path", "warm,mysql", "--format", "json"];
    let bench = world::start(&mut place.command(&arguments));
    let key = format!("{}:user.postcard:1:7", place.namespace);
    // Somebody else deletes an entry again and again: some warm reads must become misses.
    let mut bench = bench;
    while bench.try_wait().unwrap().is_none() {
        let _: () = redis.del(&key).unwrap();
        if bench.stdout.is_some() && redis.exists::<_, bool>(&key).unwrap() {
            std::thread::yield_now();
        }
    }
    let ran = world::checked(&bench.wait_with_output().unwrap()).fine();
    let run = ran.json();
    let warm = path(&run, "point", "warm");
    let (hits, misses) = (warm["hits"].as_u64().unwrap(), warm["misses"].as_u64().unwrap());
    assert_eq!(hits + misses, 30_000);
    assert_eq!(warm["operations"].as_u64().unwrap(), hits, "a miss is no warm read");
    if misses > 0 {
        assert!(ran.stdout.contains("found no entry"), "{}", ran.stdout);
    }
}

fn a_foreign_key_that_appears_in_the_middle_is_left_alone() {
    for (paths, clients, most_errors) in
        [("cold", "1", 50), ("warm", "1", 50), ("cold", "4", 13), ("warm", "4", 13)]
    {
        let place = Place::seeded(50);
        let arguments = [
            "bench",
            "--iterations",
            "100000000",
            "--workload",
            "point",
            "--path",
            paths,
            "--clients",
            clients,
            "--format",
            "json",
        ];
        let bench = world::start(&mut place.command(&arguments));
        let mut redis = place.redis();
        let pattern = format!("{}:user.postcard:1:*", place.namespace);
        world::wait_until("the bench reads", || redis.keys::<_, Vec<String>>(&pattern).unwrap().len() > 10);
        let key = format!("{}:user.postcard:1:7", place.namespace);
        let _: () = redis.set(&key, "precious").unwrap();
        let ran =
            world::checked(&bench.wait_with_output().unwrap()).failed(1, &["did not make", "--namespace"]);
        // Of the one block that met it, no more than the share of the client that was to arrange
        // it.
        let errors = path(&ran.json(), "point", paths)["errors"]["foreign_key"].as_u64();
        assert!(errors.is_some_and(|errors| errors <= most_errors), "{}", ran.stdout);
        assert_eq!(redis.get::<_, String>(&key).unwrap(), "precious");
    }
}

fn ratios_stand_with_their_intervals_or_a_reason() {
    let place = Place::seeded(300);
    let run = place.run(&["bench", "--iterations", "60", "--format", "json"]).fine().json();
    for workload in run["workloads"].as_array().unwrap() {
        for name in ["speedup", "miss_penalty", "warm_over_mysql"] {
            // On a machine that jerks, sixty rounds can be too few.
            if workload[name].is_null() {
                assert!(workload["withheld"][name].is_string(), "{workload}");
                continue;
            }
            let [low, high] = [0, 1].map(|end| workload[name]["ci95"][end].as_f64().unwrap());
            let ratio = workload[name]["ratio"].as_f64().unwrap();
            assert!(low <= ratio && ratio <= high, "{name}: {low} {ratio} {high}");
        }
        let break_even = &workload["break_even_hit_ratio"];
        assert!(break_even.is_object() || workload["withheld"]["break_even_hit_ratio"].is_string());
        assert_eq!(workload["hit_ratio_curve"].as_array().unwrap().len(), 7);
    }
    // Two rounds carry nothing: no ratio, and the reason in its place.
    let run = place.run(&["bench", "--iterations", "2", "--format", "json"]).fine().json();
    let all = &run["workloads"][0];
    assert!(all["speedup"].is_null() && all["withheld"]["speedup"].as_str().unwrap().contains("too few"));
    assert!(run["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "too_few_rounds"));
}

fn assertions_decide_the_exit_status() {
    let place = Place::seeded(100);
    let bench = |assertions: &[&str]| {
        let mut arguments = vec!["bench", "--iterations", "40", "--workload", "point"];
        assertions.iter().for_each(|assertion| arguments.extend(["--assert", assertion]));
        place.run(&arguments)
    };
    let passed = bench(&["point.warm.errors == 0", "point.warm.p50 < 60s"]).fine();
    assert!(passed.stdout.contains("passed: point.warm.errors == 0; it is 0"), "{}", passed.stdout);
    let failed = bench(&["point.warm.errors == 0", "point.warm.max < 1ns", "point.warm.p99 < 60s"]).ended(3);
    assert!(failed.stdout.contains("failed: point.warm.max < 1ns"));
    let undecided = bench(&["point.warm.p99 < 60s"]).ended(4);
    assert!(undecided.stdout.contains("inconclusive: point.warm.p99 < 60s; too few samples"));
    for (assertion, words) in [
        ("point.warm.p98 < 5ms", "p98"),
        ("all.warm.p50 < 5ms", "not measured"),
        ("point.warm.p50 < 5", "unit"),
        ("point.warm.p50", "<="),
    ] {
        bench(&[assertion]).failed(2, &["--assert", words]);
    }
}

fn round_trips_are_counted_and_a_longer_way_is_computed_from_them() {
    let place = Place::seeded(2_000);
    let arguments =
        ["bench", "--iterations", "40", "--workload", "all,point", "--distance", "mysql=2ms,redis=1ms"];
    let run = place.run(&[&arguments[..], &["--format", "json"]].concat()).fine().json();
    // A small entry is sent and not awaited; one above 64 KiB is put by a transaction, in two round
    // trips.
    for (workload, cold) in [("all", 3.0), ("point", 1.0)] {
        for (name, mysql, redis) in [("mysql", 1.0, 0.0), ("cold", 1.0, cold), ("warm", 0.0, 1.0)] {
            let exchanges = &path(&run, workload, name)["exchanges_per_read"];
            assert_eq!((&exchanges["mysql"], &exchanges["redis"]), (&mysql.into(), &redis.into()), "{name}");
        }
        let found = run["workloads"].as_array().unwrap().iter().find(|found| found["name"] == workload);
        let far = &found.unwrap()["at_distance"];
        for (name, extra) in [("mysql", 2e6), ("cold", 2e6 + cold * 1e6), ("warm", 1e6)] {
            // On a machine that jerks, an interval can be missing.
            let (Some(near), Some(far)) =
                (path(&run, workload, name)["mean_ns"].as_f64(), far["mean_ns"][name].as_f64())
            else {
                continue;
            };
            assert!((far - near - extra).abs() < 1.0, "{name}: {near} {far}");
        }
    }
    assert_eq!(place.run(&["bench", "--distance", "5"]).code, Some(2));
}

fn each_workload_is_measured_for_the_same_time() {
    let place = Place::seeded(500);
    let arguments = ["bench", "--time", "600ms", "--workload", "point,aggregate", "--format", "json"];
    let run = place.run(&arguments).fine().json();
    assert_eq!((&run["config"]["time_s"], &run["config"]["iterations"]), (&0.6.into(), &Value::Null));
    for workload in run["workloads"].as_array().unwrap() {
        let (ended, measured_s) = (&workload["ended"], workload["measured_s"].as_f64().unwrap());
        assert!(ended == "precise" || (ended == "time" && measured_s >= 0.6), "{ended} {measured_s}");
        assert!(workload["rounds"].as_u64().unwrap() > 0);
    }
    let both = place.run(&["bench", "--time", "1s", "--iterations", "5"]);
    both.failed(2, &["--time", "--iterations"]);
}

fn rate_times_latency_is_the_number_of_clients() {
    let place = Place::seeded(500);
    for clients in [1.0, 6.0] {
        let number = format!("{clients}");
        let arguments =
            ["bench", "--time", "400ms", "--workload", "all,page,point,aggregate", "--clients", &number];
        let run =
            place.run(&[&arguments[..], &["--cores", "free", "--format", "json"]].concat()).fine().json();
        for workload in run["workloads"].as_array().unwrap() {
            for path in workload["paths"].as_array().unwrap() {
                let number = |field: &str| path[field].as_f64().unwrap();
                let over = number("throughput_per_s") * number("mean_ns") / 1e9 / clients;
                // The throughput of misses also counts the wait until the entry is stored; their
                // latency does not.
                let least = if path["path"] == "cold" { 0.3 } else { 0.9 };
                assert!((least..=1.01).contains(&over), "{} {}: {over}", workload["name"], path["path"]);
            }
        }
    }
}
