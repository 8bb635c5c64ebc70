//! Runs as they could be saved, and as odd as they can be: from 1 ns to one hour, empty, with one
//! read, with long names and names that look like markup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use serde_json::{Value, json};

const SAVED: &str = include_str!("../../runs/format-1.json");
const HOUR_NS: u64 = 3_600_000_000_000;

/// A saved run of today's names, with times and intervals around these.
pub(super) fn ordinary() -> Value {
    run([70_000, 27_000, 186_000], 0.15, 5_000)
}

/// Every odd run under a name of its own.
pub(super) fn all() -> Vec<(String, Value)> {
    let mut runs = vec![("ordinary".to_owned(), ordinary())];
    for (name, middles) in [
        ("1ns", [1, 1, 2]),
        ("ns", [40, 12, 90]),
        ("equal", [1_000_000; 3]),
        ("us", [2_000, 900, 5_000]),
        ("ms", [30_400_000, 3_100_000, 33_100_000]),
        ("seconds", [2_000_000_000, 990_000_000, 3_000_000_000]),
        ("hour", [HOUR_NS / 2, HOUR_NS / 9, HOUR_NS - 1]),
        ("wide", [1_000, 1, HOUR_NS - 1]),
        ("slow-cache", [60_000, 900_000, 5_000_000]),
    ] {
        for (shape, spread, reads) in [("narrow", 0.0, 1_000), ("broad", 0.6, 3_000)] {
            runs.push((format!("{name}-{shape}"), run(middles, spread, reads)));
        }
    }
    for reads in [0, 1, 2, 9] {
        runs.push((format!("{reads}-reads"), run([70_000, 27_000, 186_000], 0.3, reads)));
    }
    for (name, text) in [
        ("long-name", "a_name_without_any_space_".repeat(20)),
        ("long-words", "many words that go on and on ".repeat(30)),
        ("markup", "<script>alert(1)</script><img src=x onerror=alert(2)>".to_owned()),
        ("quotes", "\"'`&amp;</title></style>]]>".to_owned()),
        ("unicode", "\u{202e}ελληνικά 日本語 \u{1f980} \u{0301}\u{0301}".to_owned()),
        ("empty-name", String::new()),
    ] {
        runs.push((name.to_owned(), named(&text)));
    }
    runs.push(("many-codecs".to_owned(), with_codecs()));
    runs.push(("no-intervals".to_owned(), without_intervals()));
    assert!(runs.len() >= 30, "{}", runs.len());
    runs
}

/// The saved run with other times of a read from MySQL, a hit and a miss.
fn run([mysql, warm, cold]: [u64; 3], spread: f64, reads: u64) -> Value {
    let mut run: Value = serde_json::from_str(SAVED).unwrap();
    for workload in run["workloads"].as_array_mut().unwrap() {
        let mut means = Vec::new();
        // In the file the paths are in this order.
        for (path, middle) in workload["paths"].as_array_mut().unwrap().iter_mut().zip([mysql, cold, warm]) {
            let histogram = histogram(middle, spread, reads);
            set_path(path, &histogram);
            means.push(if reads == 0 { Value::Null } else { json!(histogram.mean()) });
        }
        set_ratios(workload, &means, reads);
    }
    run
}

/// Spread evenly over the logarithm, without chance.
fn histogram(middle: u64, spread: f64, reads: u64) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, HOUR_NS, 3).unwrap();
    for index in 0..reads {
        let share = (index as f64 + 0.5) / reads as f64 - 0.5;
        let tail = if index % 97 == 3 { 3.0 } else { 1.0 };
        let ns = middle as f64 * (share * 4.0 * spread).exp() * if spread > 0.0 { tail } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
        histogram.saturating_record((ns.round() as u64).clamp(1, HOUR_NS));
    }
    histogram
}

fn set_path(path: &mut Value, histogram: &Histogram<u64>) {
    let reads = histogram.len();
    let is_read = reads > 0;
    let mean = is_read.then(|| histogram.mean());
    path["operations"] = json!(reads);
    path["mean_ns"] = json!(mean);
    path["mean_ci95_ns"] = json!(mean.filter(|_| reads > 9).map(|mean| [mean * 0.9, mean * 1.2]));
    path["min_ns"] = json!(is_read.then(|| histogram.min()));
    path["max_ns"] = json!(is_read.then(|| histogram.max()));
    for (name, percentile) in [("50", 50.0), ("90", 90.0), ("95", 95.0), ("99", 99.0), ("99.9", 99.9)] {
        let is_known = reads as f64 * (100.0 - percentile) / 100.0 >= 10.0;
        let value = is_known.then(|| histogram.value_at_percentile(percentile));
        path["percentiles_ns"][name] = json!(value);
        path["percentiles_ci95_ns"][name] = json!(value.map(|ns| [ns as f64 * 0.9, ns as f64 * 1.1]));
    }
    let parts = path["parts_mean_ns"].as_object().cloned().unwrap_or_default();
    let count = parts.len().max(1) as f64;
    for name in parts.keys() {
        path["parts_mean_ns"][name] = json!(mean.unwrap_or(0.0) / count);
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).unwrap();
    path["histogram"] = json!(STANDARD.encode(bytes));
}

fn set_ratios(workload: &mut Value, means: &[Value], reads: u64) {
    let numbers: Vec<f64> = means.iter().filter_map(Value::as_f64).collect();
    let [mysql, cold, warm] = numbers[..] else {
        for name in ["speedup", "miss_penalty", "break_even_hit_ratio"] {
            workload[name] = Value::Null;
        }
        workload["hit_ratio_curve"] = json!([]);
        return;
    };
    let ratio = |value: f64| json!({ "ratio": value, "ci95": [value * 0.9, value * 1.1] });
    let is_sure = reads > 9;
    workload["speedup"] = if is_sure { ratio(mysql / warm) } else { Value::Null };
    workload["miss_penalty"] = if is_sure { ratio(cold / mysql) } else { Value::Null };
    let even = (cold - mysql) / (cold - warm);
    let is_between = is_sure && even > 0.0 && even < 1.0;
    let band = json!({ "value": even, "ci95": [(even - 0.05).max(0.0), (even + 0.05).min(1.0)] });
    workload["break_even_hit_ratio"] = if is_between { band } else { Value::Null };
    let point = |percent: u64| {
        let share = percent as f64 / 100.0;
        let mean = share * warm + (1.0 - share) * cold;
        json!({ "hit_percent": percent, "mean_ns": mean, "mean_ci95_ns": [mean * 0.9, mean * 1.1],
                "mysql_reads_saved": share })
    };
    workload["hit_ratio_curve"] = json!([0, 25, 50, 75, 80, 90, 95, 99, 100].map(point));
}

/// The ordinary run in which every name is this text.
fn named(text: &str) -> Value {
    let mut run = ordinary();
    run["rcache_version"] = json!(text);
    run["started_at"] = json!(text);
    run["environment"]["os"] = json!(text);
    run["environment"]["cpu_model"] = json!(text);
    run["environment"]["mysql"]["version"] = json!(text);
    run["warnings"] = json!([{ "code": text, "message": text }]);
    for workload in run["workloads"].as_array_mut().unwrap() {
        workload["name"] = json!(text);
        workload["codec"] = json!(text);
        workload["paths"][2]["path"] = json!(text);
    }
    run
}

fn with_codecs() -> Value {
    let mut run = ordinary();
    let workload = run["workloads"][0].clone();
    let codecs = ["arrow", "postcard", "msgpack", "json"].map(|codec| {
        let mut workload = workload.clone();
        workload["codec"] = json!(codec);
        workload
    });
    run["workloads"] = json!(codecs);
    run
}

fn without_intervals() -> Value {
    let mut run = ordinary();
    for workload in run["workloads"].as_array_mut().unwrap() {
        for path in workload["paths"].as_array_mut().unwrap() {
            path["mean_ci95_ns"] = Value::Null;
            path["percentiles_ci95_ns"] = json!({});
        }
        for name in ["speedup", "miss_penalty", "break_even_hit_ratio"] {
            workload[name] = Value::Null;
        }
    }
    run
}
