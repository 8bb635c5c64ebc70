//! Saved traffic, experiments, predictions and comparisons as they could be, and as odd as they can
//! be.

use serde_json::{Value, json};

use super::odd_runs;

const TRAFFIC: &str = include_str!("../../documents/traffic-1.json");
const SEARCH: &str = include_str!("../../documents/traffic-find-1.json");
const SIZE: &str = include_str!("../../documents/size-1.json");
const EXPERIMENT: &str = include_str!("../../documents/scenario-1.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A run, an experiment, traffic and a prediction.
pub(super) fn every_kind() -> Vec<Value> {
    let others = [EXPERIMENT, TRAFFIC, SEARCH, SIZE].map(parsed);
    std::iter::once(odd_runs::ordinary()).chain(others).collect()
}

/// A slower and a faster candidate than the saved traffic.
pub(super) fn two_traffics() -> Vec<Value> {
    vec![parsed(TRAFFIC), slower(&parsed(TRAFFIC), 1.7)]
}

/// Documents of a page under its name.
pub(super) fn all() -> Vec<(String, Vec<Value>)> {
    let traffic = parsed(TRAFFIC);
    let long_name = "a_name_without_any_space_".repeat(20);
    let mut pages = vec![
        ("every-kind".to_owned(), every_kind()),
        ("two-runs".to_owned(), vec![odd_runs::ordinary(), odd_runs::ordinary()]),
        ("two-traffics".to_owned(), two_traffics()),
        ("unlike-traffics".to_owned(), vec![traffic.clone(), parsed(SEARCH)]),
        ("hours".to_owned(), vec![lasting(&traffic, 7_200)]),
        ("seconds".to_owned(), vec![lasting(&traffic, 2)]),
        ("no-seconds".to_owned(), vec![lasting(&traffic, 0)]),
        ("huge".to_owned(), vec![slower(&traffic, 1e6)]),
        ("tiny".to_owned(), vec![slower(&traffic, 1e-6)]),
        ("no-strategy".to_owned(), vec![without_strategies(&traffic)]),
        ("many-strategies".to_owned(), vec![with_strategies(&traffic, 14)]),
        ("troubled".to_owned(), vec![troubled(&traffic)]),
    ];
    for (name, text) in [
        ("long", long_name.as_str()),
        ("words", "many words that go on and on ".repeat(30).as_str()),
        ("markup", "<script>alert(1)</script><img src=x onerror=alert(2)>"),
        ("unicode", "\u{202e}ελληνικά 日本語 \u{1f980} \u{0301}\u{0301}"),
        ("empty", ""),
    ] {
        pages.push((format!("{name}-traffic"), vec![named(&traffic, text)]));
    }
    let mut size = parsed(SIZE);
    size["workload"]["name"] = json!(long_name);
    pages.push(("long-size".to_owned(), vec![size]));
    pages
}

fn strategies(document: &mut Value) -> &mut Vec<Value> {
    document["strategies"].as_array_mut().unwrap()
}

/// Every time of the cached strategies takes so many times as long; the histograms stay.
fn slower(document: &Value, factor: f64) -> Value {
    let mut document = document.clone();
    for strategy in strategies(&mut document).iter_mut().skip(1) {
        for times in ["response", "service"] {
            let times = &mut strategy[times];
            let mean = times["mean_ns"].as_f64().unwrap() * factor;
            times["mean_ns"] = json!(mean);
            times["mean_ci95_ns"] = json!([mean * 0.98, mean * 1.02]);
        }
        for second in strategy["seconds"].as_array_mut().unwrap() {
            for field in ["response_p50_ns", "response_p99_ns", "response_max_ns"] {
                let Some(ns) = second[field].as_f64() else { continue };
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
                let ns = (ns * factor).clamp(1.0, 9e15) as u64;
                second[field] = json!(ns);
            }
        }
    }
    document
}

/// The first second over and over.
fn lasting(document: &Value, seconds: u64) -> Value {
    let mut document = document.clone();
    for strategy in strategies(&mut document) {
        let first = strategy["seconds"][0].clone();
        let second = |number: u64| {
            let mut second = first.clone();
            second["second"] = json!(number);
            second["done"] = json!(100 + number * 7 % 50);
            second
        };
        strategy["seconds"] = json!((0..seconds).map(second).collect::<Vec<_>>());
        strategy["measured_s"] = json!(seconds as f64);
    }
    document
}

fn without_strategies(document: &Value) -> Value {
    let mut document = document.clone();
    strategies(&mut document).clear();
    document
}

fn with_strategies(document: &Value, count: usize) -> Value {
    let mut document = document.clone();
    let strategies = strategies(&mut document);
    let first = strategies[1].clone();
    while strategies.len() < count {
        let mut one = first.clone();
        one["strategy"] = json!(format!("strategy-{}", strategies.len()));
        strategies.push(one);
    }
    document
}

fn troubled(document: &Value) -> Value {
    let mut document = document.clone();
    document["interrupted"] = json!(true);
    document["warnings"] = json!([{ "code": "x", "message": "a message that is long enough ".repeat(20) }]);
    document["assertions"] = json!([{ "expression": "lease.p99 < 5ms", "codec": null, "verdict": "failed",
                                      "value": 1e9, "ci95": null, "reason": null }]);
    for strategy in strategies(&mut document) {
        strategy["errors"] = json!({ "mysql": 17, "redis": 1_000_000 });
        strategy["first_error"] = json!("connection refused ".repeat(30));
        strategy["stale_reads"] = json!(123_456_789);
        strategy["wrong_reads"] = json!(3);
        strategy["given_up"] = json!(9_999_999);
    }
    document
}

fn named(document: &Value, text: &str) -> Value {
    let mut document = document.clone();
    document["rcache_version"] = json!(text);
    document["started_at"] = json!(text);
    document["environment"]["cpu_model"] = json!(text);
    document["environment"]["redis"]["version"] = json!(text);
    document["config"]["popularity"] = json!(text);
    for strategy in strategies(&mut document).iter_mut().skip(1) {
        strategy["strategy"] = json!(text);
    }
    document
}
