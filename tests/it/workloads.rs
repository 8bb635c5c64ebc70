//! All workloads and codecs, alone and side by side: what is read, under which keys, and what is
//! wrong input.

use std::collections::BTreeSet;

use mysql::prelude::Queryable;
use redis::Commands;
use serde_json::Value;

use crate::world::{self, Place};

crate::tests![
    every_workload_is_read_with_every_codec,
    codecs_side_by_side_share_mysql_and_the_rounds,
    codecs_do_not_touch_each_others_entries,
    a_hit_ratio_is_verified_for_every_codec,
    the_last_page_may_be_short,
    pages_are_read_once_a_round_by_all_clients,
    a_wrong_row_is_found_on_every_workload,
    assertions_reach_every_workload_and_codec,
    runs_with_several_codecs_are_compared_codec_by_codec,
    wrong_workloads_and_codecs_are_explained,
];

const WORKLOADS: [&str; 4] = ["all", "page", "point", "aggregate"];
const CODECS: [&str; 4] = ["arrow", "postcard", "msgpack", "json"];

fn measured<'a>(run: &'a Value, workload: &str, codec: &str) -> &'a Value {
    let is_it = |measured: &&Value| measured["name"] == workload && measured["codec"] == codec;
    run["workloads"].as_array().unwrap().iter().find(is_it).unwrap()
}

fn path<'a>(measured: &'a Value, name: &str) -> &'a Value {
    measured["paths"].as_array().unwrap().iter().find(|path| path["path"] == name).unwrap()
}

fn keys(place: &Place) -> BTreeSet<String> {
    place.redis().keys(format!("{}:*", place.namespace)).unwrap()
}

fn every_workload_is_read_with_every_codec() {
    let place = Place::seeded(1_030);
    let bench = [
        "bench",
        "--iterations",
        "30",
        "--workload",
        "aggregate,all,page,point",
        "--codec",
        "json,arrow,msgpack,postcard,json",
    ];
    let run = place.run(&[&bench[..], &["--format", "json"]].concat()).fine().json();
    let order: Vec<(&str, &str)> = run["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|measured| (measured["name"].as_str().unwrap(), measured["codec"].as_str().unwrap()))
        .collect();
    let expected: Vec<(&str, &str)> =
        WORKLOADS.iter().flat_map(|name| CODECS.map(|codec| (*name, codec))).collect();
    assert_eq!(order, expected, "in the order of the definition, each once");
    for (workload, codec) in expected {
        let measured = measured(&run, workload, codec);
        for (name, hits, misses) in [("cold", 0, 30), ("warm", 30, 0)] {
            let path = path(measured, name);
            let counted = (path["operations"].as_u64(), path["hits"].as_u64(), path["misses"].as_u64());
            assert_eq!(counted, (Some(30), Some(hits), Some(misses)), "{workload} {codec} {name}");
            assert_eq!(path["errors"], serde_json::json!({}), "{workload} {codec} {name}");
        }
        assert!(measured["value_bytes"].as_u64().unwrap() > 48, "{workload} {codec}");
    }
    let page = place.run(&bench).fine().stdout;
    for words in ["ten most frequent e-mail domains", "encode (in a miss)", "hit msgpack", "miss json"] {
        assert!(page.contains(words), "{words:?} is missing in:\n{page}");
    }
    let too_wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(too_wide.is_empty(), "{too_wide:#?}");
}

fn codecs_side_by_side_share_mysql_and_the_rounds() {
    let place = Place::seeded(500);
    let arguments = ["bench", "--iterations", "40", "--workload", "page", "--codec", "json,postcard"];
    let run = place.run(&[&arguments[..], &["--format", "json"]].concat()).fine().json();
    let [postcard, json] = ["postcard", "json"].map(|codec| measured(&run, "page", codec));
    assert_eq!(path(postcard, "mysql"), path(json, "mysql"), "the same reads");
    assert_eq!(postcard["rounds"], json["rounds"]);
    assert_eq!(postcard["server_counters"], json["server_counters"]);
    for measured in [postcard, json] {
        let [low, high] = [0, 1].map(|end| measured["speedup"]["ci95"][end].as_f64().unwrap());
        let mean = |name: &str| path(measured, name)["mean_ns"].as_f64().unwrap();
        let ratio = mean("mysql") / mean("warm");
        assert!(low <= ratio && ratio <= high, "{measured}");
    }
    assert_ne!(path(postcard, "warm")["histogram"], path(json, "warm")["histogram"]);
}

fn codecs_do_not_touch_each_others_entries() {
    let place = Place::seeded(300);
    let bench = ["bench", "--iterations", "20", "--workload", "all,point", "--clients", "2"];
    place.run(&[&bench[..], &["--codec", "json,msgpack"]].concat()).fine();
    let there = keys(&place);
    // Two entries of all users and twenty of one user, with each codec.
    assert_eq!(there.len(), 2 * (2 + 20), "{there:?}");
    let of = |part: &str| there.iter().filter(|key| key.contains(part)).count();
    assert_eq!(
        [":users.json:1:", ":users.msgpack:1:", ":user.json:1:", ":user.msgpack:1:"].map(of),
        [2, 2, 20, 20]
    );
    let flushed = place.run(&["flush", "--format", "json"]).fine().json();
    assert_eq!((&flushed["removed"], keys(&place).len()), (&44.into(), 0));
}

fn a_hit_ratio_is_verified_for_every_codec() {
    let place = Place::seeded(500);
    let arguments = ["bench", "--iterations", "200", "--workload", "page,aggregate", "--codec", "arrow,json"];
    let run = [&arguments[..], &["--verify-hit-ratio", "75", "--format", "json"]].concat();
    let run = place.run(&run).fine().json();
    for workload in ["page", "aggregate"] {
        for codec in ["arrow", "json"] {
            let verified = &measured(&run, workload, codec)["verified_hit_ratio"];
            assert_eq!((&verified["hits"], &verified["misses"]), (&150.into(), &50.into()), "{verified}");
        }
    }
}

fn the_last_page_may_be_short() {
    for (users, pages) in [(3, 1), (50, 1), (51, 2), (120, 3)] {
        let place = Place::seeded(users);
        let arguments = ["bench", "--iterations", "10", "--workload", "page,aggregate", "--format", "json"];
        let run = place.run(&arguments).fine().json();
        assert_eq!(measured(&run, "page", "postcard")["keys"], pages, "{users} users");
        let there = keys(&place);
        let expected: BTreeSet<String> = (1..=pages)
            .map(|page| format!("{}:page.postcard:1:{page}", place.namespace))
            .chain([format!("{}:domains.postcard:1:0", place.namespace)])
            .collect();
        assert_eq!(there, expected, "{users} users");
    }
}

fn pages_are_read_once_a_round_by_all_clients() {
    let place = Place::seeded(401);
    let arguments =
        ["bench", "--iterations", "90", "--workload", "page", "--clients", "9", "--format", "json"];
    let run = place.run(&arguments).fine().json();
    let measured = measured(&run, "page", "postcard");
    // Nine pages for nine clients: every cold read finds its entry absent.
    assert_eq!((&measured["keys"], &measured["rounds"]), (&9.into(), &10.into()));
    assert_eq!(path(measured, "cold")["misses"], 90);
    place
        .run(&["bench", "--workload", "page", "--clients", "10"])
        .failed(2, &["--clients 10", "page", "401 users", "9 keys"]);
    place.run(&["bench", "--workload", "all,aggregate", "--clients", "10", "--iterations", "10"]).fine();
}

fn a_wrong_row_is_found_on_every_workload() {
    for workload in WORKLOADS {
        let place = Place::seeded(100);
        let mut redis = place.redis();
        let arguments = ["bench", "--iterations", "100000000", "--workload", workload, "--format", "json"];
        let bench = world::start(&mut place.command(&arguments));
        let pattern = format!("{}:*", place.namespace);
        world::wait_until("the bench reads", || !redis.keys::<_, Vec<String>>(&pattern).unwrap().is_empty());
        // Every user has moved: so that each page, each user and the most frequent domains are
        // others.
        place.mysql().query_drop("UPDATE users SET email = CONCAT('x@', id, '.example')").unwrap();
        let ran = world::checked(&bench.wait_with_output().unwrap());
        let run = ran.failed(1, &["not what the data set says"]).json();
        let errors = run["workloads"][0]["paths"].as_array().unwrap().iter().map(|path| &path["errors"]);
        assert!(errors.into_iter().any(|errors| errors["wrong_answer"].is_u64()), "{workload}: {run}");
    }
}

fn assertions_reach_every_workload_and_codec() {
    let place = Place::seeded(200);
    let bench = |codecs: &str, assertions: &[&str]| {
        let mut arguments =
            vec!["bench", "--iterations", "40", "--workload", "page,aggregate", "--codec", codecs];
        assertions.iter().for_each(|assertion| arguments.extend(["--assert", assertion]));
        place.run(&arguments)
    };
    let passed = bench("json", &["page.warm.p50 < 60s", "aggregate.cold.errors == 0"]).fine();
    assert!(passed.stdout.contains("passed: page.warm.p50 < 60s; it is"), "{}", passed.stdout);
    let failed = bench("json,arrow", &["page.warm.max < 1ns", "page.mysql.errors == 0"]).ended(3);
    for words in [
        "page.warm.max < 1ns (with arrow)",
        "page.warm.max < 1ns (with json)",
        "page.mysql.errors == 0; it is 0",
    ] {
        assert!(failed.stdout.contains(words), "{words:?} is missing in:\n{}", failed.stdout);
    }
    bench("json", &["point.warm.p50 < 60s"]).failed(2, &["the workload point is not measured"]);
    bench("json", &["page.disk.p50 < 60s"]).failed(2, &["the path disk is not measured"]);
}

fn runs_with_several_codecs_are_compared_codec_by_codec() {
    let place = Place::seeded(200);
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, codecs: &str| {
        let file = folder.path().join(name).to_str().unwrap().to_owned();
        let arguments =
            ["bench", "--iterations", "40", "--workload", "page", "--codec", codecs, "--output", &file];
        place.run(&arguments).fine();
        file
    };
    let (two, other) = (save("two.json", "json,arrow"), save("other.json", "json,arrow"));
    let compared = place.run(&["compare", &two, &other]).fine().stdout;
    for words in ["Workload page (arrow)", "Workload page (json)"] {
        assert!(compared.contains(words), "{words:?} is missing in:\n{compared}");
    }
    let one = save("one.json", "json");
    // A codec that one of them did not measure is named, and decides no gate.
    let compared = place.run(&["compare", &two, &one]).fine().stdout;
    assert!(compared.contains("the candidate did not measure this workload"), "{compared}");
    place.run(&["compare", &two, &one, "--fail-on-regression"]).failed(4, &[]);
}

fn wrong_workloads_and_codecs_are_explained() {
    let place = Place::new();
    for (arguments, words) in [
        (["--workload", "nope"], &["nope", "aggregate"][..]),
        (["--workload", "all,,page"], &["possible values"]),
        (["--codec", "arrow,protobuf"], &["protobuf", "msgpack"]),
        (["--path", "disc"], &["disc", "disk"]),
        // The test's place is given by URL, and a server of somebody else's is not restarted.
        (["--path", "mysql,disk"], &["--path disk", "--mysql-url", "--sandbox"]),
    ] {
        place.run(&[&["bench"][..], &arguments].concat()).failed(2, words);
    }
}
