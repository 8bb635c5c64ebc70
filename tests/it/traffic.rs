//! Traffic on real servers: closed and open loop, a trace, a search, trouble in the middle, and
//! what is left behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::formats::is_as_published;
use crate::private_mysql::PrivateMysql;
use crate::private_redis::PrivateRedis;
use crate::signals::wait_until_it_listens;
use crate::world::{self, Place, Ran, rcache};

crate::tests![
    every_strategy_answers_and_nothing_is_left,
    a_closed_loop_goes_as_fast_as_it_can,
    what_cannot_be_done_is_given_up_and_counted,
    a_trace_is_offered_at_its_own_times,
    odd_traces_end_well,
    workloads_and_queries_are_only_read,
    what_a_workload_cannot_do_is_refused,
    odd_settings_end_well,
    the_highest_rate_is_found,
    assertions_have_their_exit_statuses,
    files_are_saved,
    an_interrupt_keeps_what_was_measured,
    an_interrupt_at_any_time_leaves_nothing,
    a_server_that_dies_in_the_middle_ends_it,
    a_database_that_dies_or_takes_no_more_clients_ends_it,
    a_redis_that_hangs_is_survived,
    two_documents_are_compared,
    much_load_elsewhere_needs_a_yes,
    wrong_usage_exits_with_2,
];

/// So that tests are quick, unless they say otherwise.
const QUICK: [[&str; 2]; 4] = [["--keys", "300"], ["-c", "4"], ["--duration", "1"], ["--format", "json"]];

fn traffic(place: &Place, arguments: &[&str]) -> Ran {
    let quick = QUICK.iter().filter(|[flag, _]| !arguments.contains(flag)).flatten().copied();
    place.run(&std::iter::once("traffic").chain(quick).chain(arguments.iter().copied()).collect::<Vec<_>>())
}

#[track_caller]
fn document(place: &Place, arguments: &[&str]) -> Value {
    let document = traffic(place, arguments).fine().json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    leaves_nothing(place);
    document
}

/// Requires that every offered operation was done, failed or given up, as a whole and second by
/// second.
#[track_caller]
fn adds_up(document: &Value) {
    for strategy in document["strategies"].as_array().unwrap() {
        let count = |name: &str| strategy[name].as_u64().unwrap();
        let failed: u64 =
            strategy["errors"].as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum();
        assert_eq!(count("offered"), count("done") + failed + count("given_up"), "{strategy}");
        let kinds = ["hits", "loads", "writes"].map(|kind| strategy[kind]["operations"].as_u64().unwrap());
        assert_eq!(kinds.iter().sum::<u64>(), count("done"), "{strategy}");
        let seconds = strategy["seconds"].as_array().unwrap();
        for (whole, part) in [("offered", "offered"), ("done", "done"), ("given_up", "given_up")] {
            let sum: u64 = seconds.iter().map(|second| second[part].as_u64().unwrap()).sum();
            assert_eq!(sum, count(whole), "{whole}: {strategy}");
        }
    }
}

#[track_caller]
fn leaves_nothing(place: &Place) {
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{}:*", place.namespace)).query(&mut place.redis()).unwrap();
    assert_eq!(keys, [""; 0]);
    assert!(!place.mysql_has("rcache_scenario"));
}

fn every_strategy_answers_and_nothing_is_left() {
    let place = Place::new();
    let strategies = "mysql,naive,lock,lease,lease-marker";
    let load =
        ["--rate", "200", "--duration", "2", "-s", strategies, "--writes", "20%", "--popularity", "zipf:0.9"];
    let document = document(&place, &load);
    let found = document["strategies"].as_array().unwrap();
    assert_eq!(found.len(), 5);
    for strategy in found {
        assert_eq!(strategy["offered"], 400, "exactly the rate times the duration");
        assert_eq!(strategy["wrong_reads"], 0);
        let name = strategy["strategy"].as_str().unwrap();
        if name == "mysql" {
            assert!(strategy["hit_ratio"].is_null() && strategy["expected_hit_ratio"].is_null());
            continue;
        }
        if name.starts_with("lease") {
            assert_eq!(strategy["stale_reads"], 0, "{name}");
        }
        let [seen, expected] =
            ["hit_ratio", "expected_hit_ratio"].map(|name| strategy[name].as_f64().unwrap());
        // 320 reads: five standard errors are eleven points.
        assert!((seen - expected).abs() < 0.12, "{name}: {seen} for {expected}");
    }
}

fn a_closed_loop_goes_as_fast_as_it_can() {
    let place = Place::new();
    let document = document(&place, &["-s", "mysql,lease", "--writes", "0%"]);
    assert_eq!(document["config"]["loop"], "closed");
    for strategy in document["strategies"].as_array().unwrap() {
        assert!(strategy["done"].as_u64().unwrap() > 10, "{strategy}");
        assert_eq!(strategy["given_up"], 0);
    }
    let cold = traffic(&place, &["-s", "lease", "--cold"]).fine().json();
    assert!(cold["strategies"][0]["expected_hit_ratio"].is_null());
}

fn what_cannot_be_done_is_given_up_and_counted() {
    let place = Place::new();
    let began = Instant::now();
    let document = document(&place, &["--rate", "300k", "-c", "1", "-s", "mysql,lease"]);
    assert!(began.elapsed() < Duration::from_secs(60), "an overload must not last");
    for strategy in document["strategies"].as_array().unwrap() {
        assert_eq!(strategy["offered"], 300_000);
        assert!(strategy["given_up"].as_u64().unwrap() > 0, "{strategy}");
        assert!(strategy["response"]["percentiles_ns"]["99"].is_null(), "the slowest were never answered");
    }
    let late = traffic(&place, &["--rate", "300k", "-c", "1", "-s", "mysql", "--late", "10ms"]).fine().json();
    let late = &late["strategies"][0];
    assert!(late["given_up"].as_u64().unwrap() > 0 && late["done"].as_u64().unwrap() > 0, "{late}");
}

fn trace_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.csv");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn a_trace_is_offered_at_its_own_times() {
    let place = Place::new();
    let mut csv = "time,key,op\n".to_owned();
    for number in 0..100 {
        let op = if number % 10 == 0 { "write" } else { "read" };
        csv += &format!("{}.{:02},secret:{},{op}\n", 1_000 + number / 100, number % 100, number % 7);
    }
    let (_folder, file) = trace_file(&csv);
    let trace =
        ["traffic", "-c", "4", "-s", "mysql,lease", "--trace", file.to_str().unwrap(), "--format", "json"];
    let ran = place.run(&trace).fine();
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"));
    let document = ran.json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    leaves_nothing(&place);
    assert_eq!(document["config"]["keys"], 7);
    for strategy in document["strategies"].as_array().unwrap() {
        assert_eq!((&strategy["offered"], &strategy["writes"]["operations"]), (&100.into(), &10.into()));
    }
    for (text, words) in [("", "no read and no write"), ("1,a\nnonsense\n", "line 2")] {
        let (_folder, file) = trace_file(text);
        place.run(&["traffic", "--trace", file.to_str().unwrap()]).failed(1, &[words]);
    }
    let (_folder, file) = trace_file("1,a\n");
    place.run(&["traffic", "--trace", file.to_str().unwrap(), "-c", "1"]).fine();
}

fn odd_traces_end_well() {
    let place = Place::new();
    let trace = |text: &str, more: &[&str]| {
        let (_folder, file) = trace_file(text);
        let arguments = ["traffic", "-c", "2", "--format", "json", "-s", "mysql,lease", "--trace"];
        place.run(&[&arguments[..], &[file.to_str().unwrap()], more].concat())
    };
    let out_of_order = trace("5,a\n3,b\n6,c\n4,a,write\n", &[]).fine();
    assert!(out_of_order.stderr.contains("2 events of the trace are earlier"), "{}", out_of_order.stderr);
    let one_key = trace(&"1,a\n".repeat(500), &[]).fine().json();
    adds_up(&one_key);
    assert_eq!((&one_key["config"]["keys"], &one_key["config"]["cold"]), (&1.into(), &true.into()));
    let expected = one_key["strategies"][1]["expected_hit_ratio"].as_f64().unwrap();
    assert!((expected - 0.998).abs() < 1e-9, "every read but the first hits: {expected}");
    let only_writes = trace(&"1,a,write\n".repeat(20), &[]).fine().json();
    adds_up(&only_writes);
    assert!(only_writes["strategies"][1]["hit_ratio"].is_null(), "{only_writes}");
    // A part of a long one.
    let lines: String = (0..2_000).map(|second| format!("{second},{}\n", second % 10)).collect();
    let part = trace(&lines, &["--duration", "1"]).fine().json();
    adds_up(&part);
    assert_eq!(part["strategies"][0]["offered"], 2);
    leaves_nothing(&place);
}

fn workloads_and_queries_are_only_read() {
    let place = Place::seeded(300);
    let strategies = "mysql,naive,lock,lease,lease-marker";
    let load =
        ["traffic", "--rate", "200", "--duration", "1", "-c", "4", "-s", strategies, "--format", "json"];
    let document = place.run(&[&load[..], &["--workload", "point,page"]].concat()).fine().json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    leaves_nothing(&place);
    let strategies = document["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 10);
    for strategy in strategies {
        let count = |name: &str| strategy[name].as_u64().unwrap();
        assert_eq!((count("done"), count("wrong_reads"), count("stale_reads")), (200, 0, 0), "{strategy}");
        assert_eq!(strategy["writes"]["operations"], 0);
        if strategy["strategy"] == "mysql" {
            assert!(strategy["hit_ratio"].is_null() && strategy["database_loads"] == 200, "{strategy}");
        } else {
            assert!(strategy["hit_ratio"].as_f64().unwrap() > 0.0, "{strategy}");
            assert_eq!(strategy["loads"]["operations"], strategy["database_loads"], "{strategy}");
        }
    }
    let read = document["config"]["workloads"].as_array().unwrap();
    let read: Vec<(&str, u64)> =
        read.iter().map(|it| (it["name"].as_str().unwrap(), it["keys"].as_u64().unwrap())).collect();
    assert_eq!(read, [("point", 300), ("page", 6)]);

    let sql = "SELECT id, username, 'secret' FROM users WHERE id = ?";
    let query = ["--query", sql, "--params", "1..50", "--name", "who", "--assert", "who.lease.errors == 0"];
    let ran = place.run(&[&load[..], &query].concat()).fine();
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"));
    let document = ran.json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    leaves_nothing(&place);
    assert_eq!(document["strategies"][3]["workload"], "who");
    assert_eq!(document["assertions"][0]["verdict"], "passed");
    for strategy in document["strategies"].as_array().unwrap() {
        assert_eq!((&strategy["wrong_reads"], &strategy["changed_reads"]), (&0.into(), &0.into()));
    }

    let (_folder, file) = trace_file("1,a\n1.1,b\n1.2,a\n");
    let trace = ["traffic", "--workload", "point", "-c", "2", "--trace", file.to_str().unwrap()];
    let page = place.run(&trace).fine().stdout;
    assert!(page.contains("point.lease") && page.contains("point (2 keys)"), "{page}");
    for workload in ["all", "aggregate"] {
        let closed =
            ["traffic", "--workload", workload, "-c", "2", "--duration", "500ms", "--format", "json"];
        adds_up(&place.run(&closed).fine().json());
    }
    leaves_nothing(&place);
}

fn what_a_workload_cannot_do_is_refused() {
    let place = Place::seeded(300);
    let point = |more: &[&str]| place.run(&[&["traffic", "--workload", "point"][..], more].concat());
    point(&["--writes", "5%"]).failed(2, &["workloads and queries are only read"]);
    point(&["--rate", "10", "--keys", "301"])
        .failed(1, &["point has 300 keys, fewer than the 301 of --keys"]);
    point(&["--assert", "page.lease.p99 < 5ms"]).failed(2, &["not a strategy"]);
    let (_folder, file) = trace_file("1,a,write\n");
    point(&["--trace", file.to_str().unwrap()]).failed(1, &["the trace has writes"]);
    let query = |more: &[&str]| place.run(&[&["traffic", "--query", "SELECT 1"][..], more].concat());
    query(&["--writes", "1%"]).failed(2, &["only read"]);
    query(&["--params", "1..5"]).failed(2, &["no ? to put parameters in"]);
    place.run(&["traffic", "--query", "DELETE FROM users"]).failed(2, &["--query"]);
    place.run(&["traffic", "--params", "1..5"]).failed(2, &["give --query"]);
    Place::new().run(&["traffic", "--workload", "point"]).failed(1, &["not seeded"]);
    assert_eq!(place.ask::<u64>("SELECT COUNT(*) FROM users"), 300);
    leaves_nothing(&place);
}

fn odd_settings_end_well() {
    let place = Place::new();
    for settings in [
        &["--rate", "50", "--keys", "1"][..],
        &["--rate", "50", "--popularity", "zipf:0"],
        &["--rate", "50", "--popularity", "zipf:5"],
        &["--rate", "50", "--popularity", "hotspot:10%:90%", "--arrivals", "even"],
        &["--rate", "50", "--ttl", "20ms"],
        &["--rate", "50", "--writes", "100%"],
        &["--rate", "0.5"],
        &["--writes", "100%", "-s", "lease-marker"],
    ] {
        document(&place, settings);
    }
}

fn the_highest_rate_is_found() {
    let place = Place::new();
    let find = ["traffic", "--keys", "50", "-c", "2", "--format", "json", "--find"];
    // Nothing is as fast as that.
    let nowhere = place.run(&[&find[..], &["p50 < 100ns", "-s", "mysql"]].concat()).fine().json();
    is_as_published("rcache-traffic.schema.json", &nowhere);
    assert_eq!(nowhere["strategies"][0]["max_rate"]["kind"], "not_at");
    leaves_nothing(&place);
}

fn assertions_have_their_exit_statuses() {
    let place = Place::new();
    let assert =
        |expression| [&["--rate", "50", "-s", "mysql,lease", "--assert"][..], &[expression]].concat();
    for expression in ["lease.errors == 0", "lease.max < 1000s", "mysql.throughput > 1 * mysql.errors"] {
        traffic(&place, &assert(expression)).fine();
    }
    traffic(&place, &assert("lease.max < 1ns")).failed(3, &["1 of 1 assertion failed"]);
    for expression in ["lease.max_rate > 5", "mysql.hit_ratio > 5%", "lease.p99.9 < 5ms"] {
        traffic(&place, &assert(expression)).failed(4, &["could not be decided"]);
    }
}

fn files_are_saved() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let (file, histograms) = (folder.path().join("traffic.json"), folder.path().join("hgrm"));
    let load = ["traffic", "--rate", "100", "--duration", "2", "-c", "2", "--keys", "50"];
    let save = ["--output", file.to_str().unwrap(), "--hgrm", histograms.to_str().unwrap()];
    let page = place.run(&[&load[..], &save].concat()).fine().stdout;
    assert!(page.contains("lease") && page.contains("by second"), "{page}");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    is_as_published("rcache-traffic.schema.json", &saved);
    let table = std::fs::read_to_string(histograms.join("lease.response.hgrm")).unwrap();
    assert!(table.contains("Total count"), "{table}");
    let markdown = place.run(&[&load[..], &["--format", "markdown"]].concat()).fine().stdout;
    assert!(markdown.contains("| mysql"), "{markdown}");
}

fn an_interrupt_keeps_what_was_measured() {
    let place = Place::new();
    for load in [&["--rate", "50"][..], &[]] {
        let arguments = [
            "traffic",
            "--keys",
            "50",
            "-c",
            "2",
            "--duration",
            "60",
            "--format",
            "json",
            "-s",
            "mysql,lease",
        ];
        let running = world::start(&mut place.command(&[&arguments[..], load].concat()));
        world::wait_until("it writes", || {
            place.mysql_has("rcache_scenario")
                && place.ask::<u64>("SELECT COALESCE(MAX(version), 0) FROM rcache_scenario") > 1
        });
        world::signal(&running, "INT");
        let ran = world::checked(&running.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        let document = ran.json();
        is_as_published("rcache-traffic.schema.json", &document);
        adds_up(&document);
        assert_eq!(
            (&document["interrupted"], &document["strategies"][0]["ended_early"]),
            (&true.into(), &"interrupted".into())
        );
        leaves_nothing(&place);
    }
}

/// While it connects, fills the table and the cache, makes its pilot, measures, and searches.
fn an_interrupt_at_any_time_leaves_nothing() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.json");
    for (number, delay_ms) in [0, 30, 150, 400, 800, 1_500, 3_000].into_iter().enumerate() {
        let load =
            [&["--find", "p99 < 5ms"][..], &["--duration", "60"], &["--rate", "100", "--duration", "60"]];
        let load = load[number % load.len()];
        let arguments = ["traffic", "--keys", "20k", "-c", "4", "--output", file.to_str().unwrap()];
        let running = world::start(&mut place.command(&[&arguments[..], load].concat()));
        wait_until_it_listens(&running);
        std::thread::sleep(Duration::from_millis(delay_ms));
        world::signal(&running, "INT");
        world::checked(&running.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        leaves_nothing(&place);
    }
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    is_as_published("rcache-traffic.schema.json", &saved);
    adds_up(&saved);
}

/// One server for both, since it takes a while to start.
fn a_database_that_dies_or_takes_no_more_clients_ends_it() {
    let mut mysql = PrivateMysql::start(&["--max-connections=60"]);
    let redis = PrivateRedis::start("maxclients 20");
    let run = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(["traffic", "--keys", "50", "--duration", "30", "--format", "json"]).args(arguments);
        command.args(["--mysql-url", &mysql.url(), "--redis-url", &redis.url()]);
        command
    };
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'rcache_scenario'";
    let count = |query: &str| -> u64 {
        mysql::prelude::Queryable::query_first(&mut world::connect(&mysql.url()), query).unwrap().unwrap()
    };
    world::ran(&mut run(&["-c", "100", "-s", "mysql"])).failed(1, &["Too many connections"]);
    world::ran(&mut run(&["-c", "40", "-s", "naive"])).failed(1, &["max number of clients"]);
    assert_eq!(count(tables), 0);

    let running = world::start(&mut run(&["--rate", "200", "-c", "4", "-s", "mysql,lease"]));
    let versions = "SELECT MAX(version) FROM rcache_scenario";
    world::wait_until("it writes", || {
        count(tables) == 1 && {
            let newest: Option<Option<u64>> =
                mysql::prelude::Queryable::query_first(&mut world::connect(&mysql.url()), versions).unwrap();
            newest.flatten() > Some(1)
        }
    });
    let began = Instant::now();
    mysql.kill();
    let ran = world::checked(&running.wait_with_output().unwrap()).failed(1, &["operations failed"]);
    assert!(began.elapsed() < Duration::from_secs(60), "it must not wait for a server that is gone");
    let document = ran.json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    let first = &document["strategies"][0];
    assert_eq!(first["ended_early"], "failures", "{first}");
    assert!(first["errors"]["mysql"].as_u64().unwrap() > 0 && first["done"].as_u64().unwrap() > 0, "{first}");
}

fn a_redis_that_hangs_is_survived() {
    let place = Place::new();
    let redis = PrivateRedis::start("");
    let mut command = rcache();
    command.args([
        "traffic",
        "--rate",
        "100",
        "--writes",
        "0%",
        "--keys",
        "50",
        "-c",
        "8",
        "--duration",
        "12",
    ]);
    command.args(["-s", "lease", "--format", "json", "--mysql-url", &place.mysql_url()]);
    let running = world::start(command.args(["--redis-url", &redis.url()]));
    let mut connection = redis.connect();
    world::wait_until("it reads from Redis", || {
        let hits: String = redis::cmd("INFO").arg("stats").query(&mut connection).unwrap();
        let hits =
            hits.lines().find_map(|line| line.strip_prefix("keyspace_hits:")?.trim().parse::<u64>().ok());
        // More than the filling makes.
        hits > Some(250)
    });
    redis.signal("STOP");
    let ran = world::checked(&running.wait_with_output().unwrap()).fine();
    redis.signal("CONT");
    let document = ran.json();
    adds_up(&document);
    let lease = &document["strategies"][0];
    assert_eq!((&lease["errors"], &lease["stale_reads"]), (&serde_json::json!({}), &0.into()), "{lease}");
    assert!(lease["loads"]["operations"].as_u64().unwrap() > 0, "MySQL answered instead: {lease}");
    leaves_nothing(&place);
}

fn two_documents_are_compared() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let files = ["one.json", "two.json", "other.json"].map(file);
    let [one, two, other] = [0, 1, 2].map(|number| files[number].as_str());
    for (file, rate) in [(one, "100"), (two, "100"), (other, "50")] {
        traffic(&place, &["--rate", rate, "-s", "mysql,lease", "--output", file, "--format", "text"]).fine();
    }
    let compare = |arguments: &[&str]| world::ran(rcache().arg("compare").args(arguments));
    let page = compare(&[one, two]).fine().stdout;
    assert!(page.contains("lease") && page.contains("hit ratio"), "{page}");
    let document = compare(&[one, two, "--format", "json"]).fine().json();
    is_as_published("rcache-traffic-comparison.schema.json", &document);
    // A second is too short for an interval, so nothing is decided.
    compare(&[one, two, "--fail-on-regression=20"]).failed(4, &["could not decide"]);
    compare(&[one, other]).failed(5, &["config.rate_per_s"]);
    let forced = compare(&[one, other, "--force", "--format", "json"]).fine().json();
    assert_eq!(forced["forced"], true);
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/format-1.json");
    let mixed = compare(&[one, run]);
    assert!(mixed.code != Some(0) && !mixed.stderr.contains("panicked"), "{}", mixed.stderr);
}

fn a_server_that_dies_in_the_middle_ends_it() {
    let place = Place::new();
    let mut redis = PrivateRedis::start("");
    let load = [
        "traffic",
        "--rate",
        "300",
        "--writes",
        "0%",
        "--keys",
        "50",
        "-c",
        "4",
        "--duration",
        "3",
        "--format",
        "json",
    ];
    let mut command = rcache();
    command.args(load).args(["-s", "naive", "--mysql-url", &place.mysql_url(), "--redis-url", &redis.url()]);
    let running = world::start(&mut command);
    let mut connection = redis.connect();
    world::wait_until("it reads from Redis", || {
        let keys: Vec<String> = redis::cmd("KEYS").arg("rcache:scenario-*").query(&mut connection).unwrap();
        !keys.is_empty()
    });
    std::thread::sleep(Duration::from_millis(500));
    redis.kill();
    let ran = world::checked(&running.wait_with_output().unwrap()).failed(1, &["operations failed"]);
    let document = ran.json();
    is_as_published("rcache-traffic.schema.json", &document);
    adds_up(&document);
    assert!(document["strategies"][0]["errors"]["redis"].as_u64().unwrap() > 0, "{document}");
    leaves_nothing(&place);
}

fn much_load_elsewhere_needs_a_yes() {
    let elsewhere = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(["traffic", "--duration", "1", "--mysql-url", "mysql://u:hunter2@192.0.2.1:1/x"]);
        command.args(["--redis-url", "redis://127.0.0.1:1"]).args(arguments);
        world::ran(&mut command)
    };
    elsewhere(&["--rate", "1001"]).failed(2, &["1,000/s operations to MySQL at 192.0.2.1:1", "--yes"]);
    elsewhere(&[]).failed(2, &["as many operations as the clients can", "--yes"]);
    let (_folder, file) = trace_file(&"1,a\n".repeat(5_000));
    let trace = ["--trace", file.to_str().unwrap(), "--duration", "2"];
    let mut command = rcache();
    command.args(["traffic", "--mysql-url", "mysql://u@192.0.2.1:1/x", "--redis-url", "redis://127.0.0.1:1"]);
    world::ran(command.args(trace)).failed(2, &["2,500/s operations", "--yes"]);
}

fn wrong_usage_exits_with_2() {
    for wrong in [
        &["--rate", "0"][..],
        &["--rate", "1e9"],
        &["--rate", "10M", "--duration", "60m"],
        &["--clients", "0"],
        &["--popularity", "pareto"],
        &["--writes", "-1"],
        &["--ttl", "0"],
        &["--find", "p99 > 5ms"],
        &["--find", "p99 < 5ms", "--rate", "5"],
        &["--trace", "x", "--rate", "5"],
        &["--strategy", "burn"],
        &["--strategy", "mysql", "--assert", "lease.p99 < 5ms"],
        &["--output", "-", "--format", "json"],
    ] {
        world::ran(rcache().arg("traffic").args(wrong)).failed(2, &[]);
    }
}
