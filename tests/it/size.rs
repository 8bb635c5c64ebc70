//! Predictions from a saved run: by popularity and by a trace, their document, and what is wrong
//! with input.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::formats::is_as_published;
use crate::world::{Place, Ran, ran, rcache};

crate::tests![
    a_run_says_how_much_redis_leads_to_which_hit_ratio,
    a_run_of_the_users_query_is_a_run_like_any_other,
    a_trace_is_replayed_and_no_key_is_shown,
    traces_of_all_kinds_end_well,
    wrong_input_is_explained,
    a_private_redis_agrees_with_the_prediction,
];

fn saved_run() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/runs/format-1.json")
}

fn size(arguments: &[&str]) -> Ran {
    ran(rcache().arg("size").arg(saved_run()).args(arguments))
}

fn last_hit_ratio(document: &Value) -> f64 {
    document["limits"].as_array().unwrap().last().unwrap()["hit_ratio"].as_f64().unwrap()
}

fn a_run_says_how_much_redis_leads_to_which_hit_ratio() {
    let arguments =
        ["--popularity", "zipf:1.0", "--rate", "2000", "--writes", "5%", "--ttl", "300", "--keys", "100k"];
    let document =
        size(&[&arguments[..], &["--hit-ratio", "70%", "--format", "json"]].concat()).fine().json();
    is_as_published("rcache-size.schema.json", &document);
    assert!(document["target"]["maxmemory_bytes"].as_f64().unwrap() > 1e6);
    let page = size(&[&arguments[..], &["--hit-ratio", "99%"]].concat()).fine().stdout;
    assert!(page.contains("No size of Redis reaches 99.0 % hits"), "{page}");
    for law in ["uniform", "zipf:0", "zipf:5", "hotspot:10%:90%"] {
        for more in [
            &["--keys", "1"][..],
            &["--writes", "100%"],
            &["--ttl", "10ms"],
            &["--rate", "0.001"],
            &["--memory", "1b,1tb"],
        ] {
            let document = size(&[&["--popularity", law, "--format", "json"], more].concat()).fine().json();
            is_as_published("rcache-size.schema.json", &document);
        }
    }
}

fn a_run_of_the_users_query_is_a_run_like_any_other() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let saved = |arguments: &[&str]| {
        let run = place.run(&[&["bench", "-n", "40", "--format", "json"][..], arguments].concat()).fine();
        std::fs::write(&file, run.stdout).unwrap();
        ran(rcache().arg("size").arg(&file).args(["--format", "json"])).fine().json()
    };
    let name = |document: &Value| document["workload"]["name"].as_str().unwrap().to_owned();
    let page = saved(&["-w", "page"]);
    assert_eq!((name(&page), page["workload"]["keys"].as_f64()), ("page".to_owned(), Some(2.0)));
    let query = [
        "--query",
        "SELECT username, 'secret' FROM users WHERE id = ?",
        "--params",
        "1..40",
        "--name",
        "who",
    ];
    let own = saved(&query);
    is_as_published("rcache-size.schema.json", &own);
    assert_eq!((name(&own), own["workload"]["keys"].as_f64()), ("who".to_owned(), Some(40.0)));
    assert!(!own.to_string().contains("secret"));
    let size = ["--workload", "who", "--hit-ratio", "50%", "--keys", "1M"];
    let page = ran(rcache().arg("size").arg(&file).args(size)).fine().stdout;
    assert!(page.contains("who") && !page.contains("secret"), "{page}");
}

fn trace(text: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    std::fs::write(&file, text).unwrap();
    size(&[&["--trace", file.to_str().unwrap()], arguments].concat())
}

fn a_trace_is_replayed_and_no_key_is_shown() {
    let mut csv = "time,key,op\n".to_owned();
    let mut monitor = "OK\n".to_owned();
    for number in 0..2_000 {
        let key = format!("secret:{}", number % 100);
        writeln!(csv, "{number},{key},read").unwrap();
        writeln!(monitor, "{number}.000000 [0 127.0.0.1:1] \"GET\" \"{key}\"").unwrap();
        writeln!(monitor, "{number}.000001 [0 127.0.0.1:1] \"SET\" \"{key}\" \"hunter2\"").unwrap();
    }
    for text in [&csv, &monitor] {
        let ran = trace(text, &["--ttl", "1000000", "--hit-ratio", "90%", "--format", "json"]).fine();
        assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"));
        let document = ran.json();
        is_as_published("rcache-size.schema.json", &document);
        assert!((last_hit_ratio(&document) - 0.95).abs() < 1e-9);
        assert_eq!(document["workload"]["keys"].as_f64(), Some(100.0));
        assert!((100.0..=105.0).contains(&document["target"]["entries"].as_f64().unwrap()), "{document}");
        let page = trace(text, &[]).fine().stdout;
        assert!(page.contains("first reads 5.0 %") && !page.contains("secret"), "{page}");
    }
}

fn traces_of_all_kinds_end_well() {
    let hit_ratio = |text: &str| last_hit_ratio(&trace(text, &["--format", "json"]).fine().json());
    assert!((hit_ratio(&"1,a\n".repeat(100)) - 0.99).abs() < 1e-9, "one key");
    assert_eq!(hit_ratio("5,a\n3,b\n1,c\n"), 0.0, "out of order");
    assert_eq!(hit_ratio("1,a,write\n2,b,write\n"), 0.0, "only writes");
    assert_eq!(hit_ratio("1,a\n2,a,del\n3,a\n"), 0.0, "a write removes the entry");
    let warned = trace("5,a\n3,b\n", &[]).fine().stderr;
    assert!(warned.contains("1 event of the trace is earlier"), "{warned}");
}

fn wrong_input_is_explained() {
    for (text, words) in [
        ("", "no read and no write"),
        ("time,key\n", "no read and no write"),
        ("1,secret\nnonsense secret\n", "line 2 of the trace"),
        ("1,secret,burn\n", "line 1 of the trace"),
    ] {
        let ran = trace(text, &[]).failed(1, &[words]);
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    }
    size(&["--trace", "/nowhere/trace.csv"]).failed(1, &["/nowhere/trace.csv"]);
    size(&["--workload", "burn"]).failed(1, &["holds no workload \"burn\""]);
    for wrong in [
        &["--rate", "0"][..],
        &["--writes", "101%"],
        &["--popularity", "zipf:-1"],
        &["--ttl", "0"],
        &["--memory", "much"],
        &["--trace", "x", "--writes", "5%"],
    ] {
        size(wrong).failed(2, &[]);
    }
    ran(rcache().args(["size", "/nowhere/run.json"])).failed(1, &["the file does not exist"]);
}

fn a_private_redis_agrees_with_the_prediction() {
    let document = size(&["--popularity", "uniform", "--verify", "--format", "json"]).fine().json();
    is_as_published("rcache-size.schema.json", &document);
    let verified = document["verified"].as_array().unwrap();
    assert_eq!(verified.len(), 8);
    for checked in verified {
        let number = |name: &str| checked[name].as_f64().unwrap();
        // On a busy machine few reads are made, so this is wide.
        assert!((number("hit_ratio") - number("expected_hit_ratio")).abs() < 0.05, "{checked}");
        let wrong_bytes = (number("entries") - number("expected_entries")).abs()
            * document["workload"]["entry_bytes"].as_f64().unwrap();
        // An empty server takes more or less with its version and its connections.
        assert!(wrong_bytes < 0.05 * number("maxmemory_bytes") + 120_000.0, "{checked}");
    }
}
