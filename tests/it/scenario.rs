//! The experiments: what the library must never show, what they leave behind, and how they end.

use std::io::Read;

use mysql::prelude::Queryable;
use redis::Commands;
use serde_json::Value;

use crate::world::{self, Place, Ran};

crate::tests![
    no_read_of_the_library_is_stale,
    no_damaged_entry_is_passed_on,
    one_client_loads_what_many_want,
    what_expires_together_is_loaded_again,
    what_does_not_exist_is_remembered,
    an_outage_fails_no_read_of_the_library,
    an_outage_is_for_servers_of_our_own_alone,
    text_shows_the_arms_and_what_one_sees,
    table_and_keys_are_removed,
    the_table_of_a_killed_experiment_is_replaced,
    a_foreign_table_is_left_untouched,
    an_interrupted_experiment_prints_what_it_has,
    a_load_that_needs_no_cache_shows_nothing,
    a_server_that_is_not_there_is_named,
    an_unknown_scenario_is_a_wrong_command_line,
    the_names_are_listed_with_what_they_show,
    all_run_in_turn_and_end_in_a_summary,
];

/// Whether the naive arms show their harm within so short a time depends on the machine: then the
/// run is invalid. A broken promise of the library is exit status 1.
#[track_caller]
pub(crate) fn not_broken(ran: Ran) -> Ran {
    assert!(matches!(ran.code, Some(0 | 4)), "stdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr);
    ran
}

fn arm<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["arms"].as_array().unwrap().iter().find(|arm| arm["arm"] == name).unwrap_or(&Value::Null)
}

fn no_read_of_the_library_is_stale() {
    let place = Place::new();
    let ran = not_broken(place.run(&[
        "scenario",
        "stale",
        "--duration",
        "1",
        "--clients",
        "8",
        "--format",
        "json",
    ]));
    let document = ran.json();
    assert_eq!((&document["format"], &document["format_version"]), (&"rcache-scenario".into(), &1.into()));
    assert_eq!((&document["scenario"], &document["broken"]), (&"stale".into(), &false.into()));
    assert_eq!(document["valid"] == true, ran.code == Some(0));
    assert_eq!(document["reason"].is_null(), ran.code == Some(0));
    assert_eq!((&document["config"]["clients"], &document["config"]["writers"]), (&8.into(), &2.into()));
    assert!(document["environment"]["redis"]["version"].is_string() && document["started_at"].is_string());
    for name in ["mysql", "naive", "naive-double-delete", "lock", "lease", "lease-marker"] {
        let arm = arm(&document, name);
        let count = |field: &str| arm[field].as_u64().unwrap_or_else(|| panic!("{field} of {arm}"));
        assert!(count("reads") > 0 && count("database_loads") > 0 && count("writes") > 0, "{arm}");
        assert_eq!((count("failed_reads"), count("wrong_reads")), (0, 0), "{arm}");
        assert!(count("stale_keys_when_quiet") >= count("stale_keys_that_miss_a_returned_write"), "{arm}");
        assert!(count("non_monotonic_reads") <= count("reads") && count("dead_writers") >= 4, "{arm}");
        let ages = &arm["stale_age_ms"];
        assert_eq!(ages["max"].is_number(), count("stale_reads") > 0, "{arm}");
        assert_eq!(arm["stale_share"].is_number(), count("stale_reads") > 0, "{arm}");
        if ["mysql", "lease", "lease-marker"].contains(&name) {
            assert_eq!(
                (count("stale_reads"), count("stale_keys_that_miss_a_returned_write")),
                (0, 0),
                "{arm}"
            );
            let below = arm["stale_share_below"].as_f64().unwrap();
            #[expect(clippy::cast_precision_loss, reason = "far below 53 bits")]
            let expected = 3.0 / count("reads") as f64;
            assert!((below / expected.min(1.0) - 1.0).abs() < 1e-9, "{arm}");
        }
    }
    assert_eq!(arm(&document, "mysql")["stale_keys_when_quiet"], 0);
    let crash_safe = arm(&document, "lease-marker");
    assert_eq!(
        (&crash_safe["stale_keys_when_quiet"], &crash_safe["non_monotonic_reads"]),
        (&0.into(), &0.into())
    );
}

fn no_damaged_entry_is_passed_on() {
    let place = Place::new();
    let ran = not_broken(place.run(&["scenario", "corrupt", "--duration", "1", "--format", "json"]));
    let document = ran.json();
    let lease = arm(&document, "lease");
    assert!(lease["reads"].as_u64().unwrap() > 0, "{lease}");
    for field in ["wrong_reads", "failed_reads", "unusable_when_quiet"] {
        assert_eq!(lease[field], 0, "{lease}");
    }
    assert!(lease["corrupt"].is_u64() && arm(&document, "naive")["corrupt"].is_null(), "{document}");
    for kind in ["flipped", "truncated", "swapped", "other_type", "foreign"] {
        assert!(lease["damage"][kind].is_u64(), "{lease}");
    }
    assert!(lease["stale_reads"].is_null(), "what a scenario does not count is absent");
}

fn one_client_loads_what_many_want() {
    let place = Place::new();
    let arguments = ["scenario", "stampede", "--duration", "1", "--clients", "16", "--format", "json"];
    let document = not_broken(place.run(&arguments)).json();
    for name in ["naive", "lease", "lease-no-mutex", "lease-early"] {
        let arm = arm(&document, name);
        let count = |field: &str| arm[field].as_u64().unwrap_or_else(|| panic!("{field} of {arm}"));
        assert!(count("reads") > 0 && count("expiries") > 0, "{arm}");
        assert_eq!((count("failed_reads"), count("wrong_reads")), (0, 0), "{arm}");
        assert!(count("most_loads_in_an_expiry") * count("expiries") >= count("database_loads"), "{arm}");
        assert_eq!(arm["wait_ms"]["max"].is_number(), count("waited_reads") > 0, "{arm}");
        assert_eq!(arm["early_refreshes"].is_null(), name == "naive", "{arm}");
        if name.starts_with("lease") {
            let excused = count("early_refreshes") + count("excused_loads");
            assert!(count("database_loads") <= count("expiries") + excused, "{arm}");
        }
        if name == "lease-early" && count("found_nothing") > 0 {
            assert_eq!(document["valid"], false, "it was to show that no reader waits: {arm}");
        }
        if name != "lease-early" {
            assert!(arm["early_refreshes"].as_u64().unwrap_or(0) == 0, "{arm}");
        }
    }
}

fn what_expires_together_is_loaded_again() {
    let place = Place::new();
    let arguments = ["scenario", "avalanche", "--duration", "1", "--clients", "4", "--format", "json"];
    let document = not_broken(place.run(&arguments)).json();
    for name in ["naive", "naive-jitter", "lease"] {
        let arm = arm(&document, name);
        let count = |field: &str| arm[field].as_u64().unwrap_or_else(|| panic!("{field} of {arm}"));
        assert_eq!((count("failed_reads"), count("wrong_reads")), (0, 0), "{arm}");
        assert!(count("reads") > 0 && count("peak_loads") <= count("database_loads"), "{arm}");
        assert_eq!(arm["nine_tenths_of_loads_ms"].is_number(), count("database_loads") > 0, "{arm}");
    }
}

fn what_does_not_exist_is_remembered() {
    let place = Place::new();
    let arguments = ["scenario", "penetration", "--duration", "1", "--clients", "4", "--format", "json"];
    let document = not_broken(place.run(&arguments)).json();
    for name in ["naive", "lease-no-negative", "lease"] {
        let arm = arm(&document, name);
        let count = |field: &str| arm[field].as_u64().unwrap_or_else(|| panic!("{field} of {arm}"));
        assert_eq!((count("failed_reads"), count("wrong_reads")), (0, 0), "{arm}");
        assert!(count("missing_reads") > 0 && count("missing_loads") <= count("database_loads"), "{arm}");
        if name == "naive" {
            assert_eq!(count("missing_loads"), count("missing_reads"), "nothing is remembered: {arm}");
        }
    }
}

/// On servers of its own, which are gone afterwards.
fn an_outage_fails_no_read_of_the_library() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("box");
    let mut command = world::rcache();
    command.args([
        "scenario",
        "outage",
        "--duration",
        "1",
        "--clients",
        "4",
        "--format",
        "json",
        "--sandbox-dir",
    ]);
    let document = not_broken(world::ran(command.arg(&dir))).json();
    for name in ["mysql", "naive", "lease"] {
        let arm = arm(&document, name);
        let phases: Vec<&str> =
            arm["phases"].as_array().unwrap().iter().map(|it| it["phase"].as_str().unwrap()).collect();
        assert_eq!(phases, ["before", "stopped", "continued", "killed", "restarted"], "{arm}");
        let sum = |field: &str| -> u64 {
            arm["phases"].as_array().unwrap().iter().map(|phase| phase[field].as_u64().unwrap()).sum()
        };
        for field in ["reads", "failed_reads", "database_loads"] {
            assert_eq!(arm[field], sum(field), "{field} of {arm}");
        }
        assert_eq!(arm["wrong_reads"], 0, "{arm}");
        for phase in ["continued", "restarted"] {
            let recovery = &arm["recovery_ms"][phase];
            assert!(recovery.is_null() || recovery.as_f64().unwrap() >= 0.0, "{arm}");
        }
    }
    events_of_a_cluster(&document);
    let lease = arm(&document, "lease");
    assert_eq!(lease["failed_reads"], 0, "{lease}");
    let [stopped, killed] = [1, 3].map(|phase| &lease["phases"][phase]);
    assert!(
        stopped["past_the_cache_ms"]["max"].is_number() && killed["past_the_cache_ms"]["max"].is_number()
    );
    crate::formats::is_as_published("rcache-scenario.schema.json", &document);
    assert!(arm(&document, "mysql")["recovery_ms"]["restarted"].is_null(), "{document}");
    assert!(world::servers_of(&dir).is_empty());
}

/// The arms on a private cluster: what happened to it, and what readers got.
fn events_of_a_cluster(document: &Value) {
    for (name, expected) in
        [("failover", ["before", "killed", "taken-over"]), ("resharding", ["before", "moving", "moved"])]
    {
        let arm = arm(document, name);
        let phases = arm["phases"].as_array().unwrap_or_else(|| panic!("{name}: {document}"));
        let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{arm}");
        assert_eq!((&arm["failed_reads"], &arm["wrong_reads"]), (&0.into(), &0.into()), "{arm}");
        assert!(arm["reads"].as_u64().unwrap() > 0 && arm["writes"].as_u64().unwrap() > 0, "{arm}");
        assert!(arm["cluster"]["keys"].as_u64().unwrap() > 0, "{arm}");
        assert!(phases.iter().all(|phase| phase["stale_reads"].is_u64()), "{arm}");
        assert!(arm["recovery_ms"]["restarted"].is_null(), "{arm}");
    }
    let [failover, resharding] = ["failover", "resharding"].map(|name| &arm(document, name)["cluster"]);
    // A machine that is too busy for the failover proves nothing, and says so.
    if document["valid"] == true {
        assert!(failover["takeover_ms"].as_f64().unwrap() > 0.0, "{failover}");
        assert!(failover["hits_back_ms"].as_f64().unwrap() > 0.0, "{failover}");
        assert!(resharding["hits_back_ms"].is_f64() && resharding["slots_moved"].as_u64() > Some(0));
        assert!(resharding["redirects"].as_u64() > Some(0), "{resharding}");
        assert_eq!(failover["slots_moved"], 0);
    }
    let moved = arm(document, "resharding")["phases"].as_array().unwrap();
    assert!(moved.iter().all(|phase| phase["stale_reads"] == 0), "{moved:?}");
    let config = &document["config"];
    assert_eq!((&config["cluster_primaries"], &config["cluster_replicas"]), (&3.into(), &3.into()));
}

fn an_outage_is_for_servers_of_our_own_alone() {
    let place = Place::new();
    place.run(&["scenario", "outage"]).failed(2, &["outage", "--sandbox"]);
    let mut kept = world::rcache();
    kept.args(["scenario", "outage", "--sandbox-dir"]).arg(world::world().dir());
    world::ran(&mut kept).failed(1, &["kept", "rcache sandbox stop"]);
    let _: String = redis::cmd("PING").query(&mut place.redis()).unwrap();
}

fn text_shows_the_arms_and_what_one_sees() {
    let place = Place::new();
    let ran = not_broken(place.run(&["scenario", "stale", "--duration", "1", "--clients", "4"]));
    for words in ["scenario stale", "lease-marker", "4 readers and 1 writer", "No stale read was found in"] {
        assert!(ran.stdout.contains(words), "{words:?} is missing in:\n{}", ran.stdout);
    }
    if ran.code == Some(4) {
        assert!(ran.stdout.contains("This run proves nothing: "), "{}", ran.stdout);
        assert!(ran.stderr.contains("this run proves nothing\n"), "{}", ran.stderr);
    }
}

/// Nothing of ours, and all of what was there before.
fn table_and_keys_are_removed() {
    let place = Place::new();
    let mut redis = place.redis();
    let foreign = format!("{}:scenario-session", place.namespace);
    let _: () = redis.set(&foreign, "somebody else's").unwrap();
    for name in ["stale", "stampede", "avalanche", "penetration", "corrupt"] {
        not_broken(place.run(&["scenario", name, "--duration", "1", "--clients", "2"]));
    }
    assert_eq!(keys(&place), [foreign]);
    assert!(tables(&place).is_empty());
}

fn keys(place: &Place) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{}:*", place.namespace)).query(&mut place.redis()).unwrap()
}

fn tables(place: &Place) -> Vec<String> {
    place.mysql().query("SHOW TABLES").unwrap()
}

fn the_table_of_a_killed_experiment_is_replaced() {
    let place = Place::new();
    place.mysql().query_drop("CREATE TABLE rcache_scenario (x INT) COMMENT = 'made by rcache'").unwrap();
    not_broken(place.run(&["scenario", "corrupt", "--duration", "1", "--clients", "2"]));
    assert!(tables(&place).is_empty());
}

fn a_foreign_table_is_left_untouched() {
    let place = Place::new();
    place.mysql().query_drop("CREATE TABLE rcache_scenario (x INT)").unwrap();
    place.mysql().query_drop("INSERT INTO rcache_scenario VALUES (7)").unwrap();
    for name in ["stale", "corrupt"] {
        place.run(&["scenario", name]).failed(1, &["rcache_scenario", "did not make", "untouched"]);
    }
    assert_eq!(place.ask::<u32>("SELECT SUM(x) FROM rcache_scenario"), 7);
}

fn an_interrupted_experiment_prints_what_it_has() {
    let place = Place::new();
    let mut child =
        world::start(&mut place.command(&["scenario", "stale", "--duration", "60", "--format", "json"]));
    world::wait_until("the experiment has begun", || {
        place
            .mysql()
            .query_first::<Option<u64>, _>("SELECT SUM(version) FROM rcache_scenario")
            .is_ok_and(|sum| sum.flatten() > Some(64))
    });
    world::signal(&child, "INT");
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let ran = world::checked(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&document["interrupted"], &document["valid"]), (&true.into(), &false.into()));
    let reason = document["reason"].as_str().unwrap();
    assert!(reason.starts_with("it was interrupted in the arm "), "{reason}");
    assert!(arm(&document, "mysql")["writes"].as_u64().unwrap() > 0, "{document}");
    assert!(tables(&place).is_empty() && keys(&place).is_empty());
}

/// The load of a few clients is bearable without a cache, so there is nothing to show; and what is
/// to be changed is said.
fn a_load_that_needs_no_cache_shows_nothing() {
    let place = Place::new();
    let few = ["scenario", "metastable", "--clients", "4", "--duration", "2", "--format", "json"];
    let ran = not_broken(place.run(&few));
    let document = ran.json();
    crate::formats::is_as_published("rcache-scenario.schema.json", &document);
    for name in ["naive", "lease"] {
        let found = arm(&document, name);
        assert!(found["answered_before_per_s"].as_f64().unwrap() > 0.0, "{found}");
        assert_eq!(found["wrong_reads"], 0);
    }
    if arm(&document, "naive")["recovery_after_flush_ms"].is_number() {
        ran.failed(4, &["try more --clients"]);
    }
    assert!(tables(&place).is_empty() && keys(&place).is_empty());
}

fn a_server_that_is_not_there_is_named() {
    let place = Place::new();
    let mut command = world::rcache();
    command.args([
        "scenario",
        "stale",
        "--mysql-url",
        &place.mysql_url(),
        "--redis-url",
        "redis://127.0.0.1:1",
    ]);
    world::ran(&mut command).failed(1, &["cannot connect to Redis at 127.0.0.1:1"]);
}

fn an_unknown_scenario_is_a_wrong_command_line() {
    let help = world::ran(world::rcache().args(["scenario", "sale"])).failed(2, &["stale", "corrupt"]);
    assert!(help.stdout.is_empty());
    world::ran(world::rcache().args(["scenario", "stale", "--clients", "0"])).failed(2, &["--clients"]);
}

fn the_names_are_listed_with_what_they_show() {
    let list = world::ran(world::rcache().args(["scenario", "--list"])).fine();
    // What a scenario shows may take more lines, which are indented.
    let names = list.stdout.lines().filter(|line| !line.starts_with(' '));
    let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["stale", "stampede", "outage", "avalanche", "penetration", "corrupt", "metastable"]);
    assert!(list.stdout.lines().all(|line| line.len() <= 80), "{}", list.stdout);
    let json = world::ran(world::rcache().args(["scenario", "--list", "--format", "json"])).fine().json();
    let scenarios = &json["scenarios"];
    assert_eq!((scenarios.as_array().map(Vec::len), &scenarios[2]["scenario"]), (Some(7), &"outage".into()));
    crate::formats::is_as_published("rcache-scenario-list.schema.json", &json);
    world::ran(world::rcache().arg("scenario")).failed(2, &["NAME"]);
    world::ran(world::rcache().args(["scenario", "stale", "--list"])).failed(2, &["--list"]);
}

/// On servers that are not rcache's own, `outage` is left out. One foreign table fails them all,
/// and all are tried.
fn all_run_in_turn_and_end_in_a_summary() {
    let place = Place::new();
    let arguments = ["scenario", "all", "--duration", "1", "--clients", "4"];
    let ran = not_broken(place.run(&arguments));
    let (_, summary) = ran.stdout.rsplit_once("Summary").unwrap();
    for name in ["stale", "stampede", "outage", "avalanche", "penetration", "corrupt"] {
        assert!(summary.contains(name), "{name} is missing in:\n{summary}");
        assert_eq!(ran.stdout.contains(&format!("scenario {name} of")), name != "outage", "{}", ran.stdout);
    }
    assert!(summary.contains("skipped: the scenario outage stops and kills Redis"), "{summary}");
    place.mysql().query_drop("CREATE TABLE rcache_scenario (x INT)").unwrap();
    let failed = place.run(&arguments).failed(1, &["scenario stale: ", "scenario corrupt: ", "did not make"]);
    assert_eq!(failed.stdout.matches("failed: the database").count(), 6, "{}", failed.stdout);
    let json = place.run(&[&arguments[..], &["--format", "json"]].concat()).ended(1).json();
    assert_eq!((&json["format"], &json["experiments"]), (&"rcache-scenarios".into(), &serde_json::json!([])));
}
