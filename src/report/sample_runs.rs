//! Runs to test the pages with, made of real histograms and numbers drawn by a fixed rule.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use crate::run_file::servers::{MysqlCounters, OwnRequests, RedisCounters};
use crate::run_file::{
    Avoided, Config, Control, CurvePoint, DatabaseNode, Dataset, DiskReads, Environment, FORMAT,
    FORMAT_VERSION, HitRatio, OverControl, PathRun, Ratio, RedisMemory, RoundControl, Run, Server,
    ServerCounters, TypicalRatios, WorkloadRun,
};
use crate::stats::summary::{PERCENTILES, samples_needed};
use crate::units;

/// Latencies around a middle, spread as a share of it, with a thin tail towards longer ones.
pub(crate) fn latencies(rng_seed: u64, reads: usize, middle_ns: f64, spread: f64) -> Vec<u64> {
    let mut state = rng_seed;
    let mut uniform = move || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..reads)
        .map(|_| {
            let bell: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            let tail = if uniform() > 0.99 { 1.0 + 2.0 * uniform() } else { 1.0 };
            units::whole(middle_ns * (spread * bell).exp() * tail)
        })
        .collect()
}

fn histogram(samples: &[u64]) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
    for ns in samples {
        histogram.saturating_record(*ns);
    }
    histogram
}

pub(super) fn encode(samples: &[u64]) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram(samples), &mut bytes).unwrap();
    STANDARD.encode(bytes)
}

fn mean_ns(samples: &[u64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().map(|ns| *ns as f64).sum::<f64>() / samples.len() as f64)
}

fn percentiles_ns(samples: &[u64]) -> BTreeMap<String, Option<u64>> {
    let histogram = histogram(samples);
    let value = |percentile: f64| {
        (samples.len() as u64 >= samples_needed(percentile))
            .then(|| histogram.value_at_percentile(percentile))
    };
    PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), value(*percentile))).collect()
}

pub(crate) fn path_of(path: &str, samples: &[u64]) -> PathRun {
    let operations = samples.len() as u64;
    let of_cache = |number| (path != "mysql").then_some(number);
    PathRun {
        path: path.to_owned(),
        operations,
        hits: of_cache(if path == "warm" { operations } else { 0 }),
        misses: of_cache(if path == "warm" { 0 } else { operations }),
        errors: BTreeMap::new(),
        throughput_per_s: mean_ns(samples).map(|mean_ns| 0.97e9 / mean_ns),
        clients_at_work: (operations > 0).then_some(1.0),
        mean_ns: mean_ns(samples),
        mean_ci95_ns: (operations >= 10).then(|| mean_ns(samples).map(|ns| [ns * 0.98, ns * 1.02])).flatten(),
        typical_ns: mean_ns(samples).filter(|_| operations >= 10),
        typical_ci95_ns: (operations >= 10)
            .then(|| mean_ns(samples).map(|ns| [ns * 0.99, ns * 1.01]))
            .flatten(),
        over_control: None,
        min_ns: samples.iter().min().copied(),
        max_ns: samples.iter().max().copied(),
        saturated: 0,
        percentiles_ns: percentiles_ns(samples),
        percentiles_ci95_ns: percentiles_ns(samples)
            .into_iter()
            .map(|(name, value)| (name, value.map(|ns| [ns as f64 * 0.97, ns as f64 * 1.03])))
            .collect(),
        parts_mean_ns: parts_mean_ns(path, mean_ns(samples)),
        stored_mean_ns: None,
        exchanges_per_read: None,
        stalls: None,
        disk: None,
        histogram: encode(samples),
    }
}

fn parts_mean_ns(path: &str, mean_ns: Option<f64>) -> BTreeMap<String, f64> {
    let shares: &[(&str, f64)] = match path {
        "mysql" => &[("query", 0.999)],
        "cold" => &[("get", 0.12), ("lease", 0.13), ("query", 0.5), ("encode", 0.003), ("set", 0.245)],
        _ => &[("get", 0.89), ("decode", 0.107)],
    };
    let part = |(name, share): &(&str, f64)| Some(((*name).to_owned(), share * mean_ns?));
    shares.iter().filter_map(part).collect()
}

pub(super) fn workload_of(name: &str, mut paths: Vec<PathRun>) -> WorkloadRun {
    let controls = round_controls(name, paths.iter().map(|path| path.operations).max().unwrap_or(0));
    add_over_control(&mut paths, &controls);
    let reads = paths.iter().map(|path| path.operations).max().unwrap_or(0);
    let (speedup, miss_penalty, break_even_hit_ratio, withheld) = ratios(&paths);
    let (codec, keys, value_bytes, block) =
        if name == "all" { ("arrow", 1, 4_613_734, 1) } else { ("postcard", 100_000, 151, 50) };
    let avoided = Avoided {
        mysql_reads: reads,
        innodb_page_requests: Some(reads * if name == "all" { 297 } else { 2 }),
        innodb_disk_reads: Some(0),
    };
    let redis_memory = (reads > 0).then(|| RedisMemory {
        entries: keys,
        entry_bytes: value_bytes + 72,
        bytes: keys * (value_bytes + 72),
        source: "memory_usage".to_owned(),
    });
    WorkloadRun {
        name: name.to_owned(),
        codec: codec.to_owned(),
        keys,
        value_bytes: (reads > 0).then_some(value_bytes),
        rounds: reads.div_ceil(block),
        block,
        measured_s: None,
        ended: Some("complete".to_owned()),
        connection_groups: 10,
        hit_ratio_curve: curve(&paths),
        at_distance: None,
        verified_hit_ratio: None,
        controls,
        paths,
        speedup,
        miss_penalty,
        cold_over_naive: None,
        break_even_hit_ratio,
        typical: TypicalRatios { speedup, miss_penalty, break_even_hit_ratio },
        warm_over_mysql: speedup.map(|speedup| ratio(1.0 / speedup.ratio)),
        withheld,
        server_counters: (reads > 0).then(|| server_counters(reads)),
        avoided: (reads > 0).then_some(avoided),
        redis_memory,
        query: None,
    }
}

/// The controls of the rounds of a workload; the entries of `all` are large.
fn round_controls(name: &str, reads: u64) -> Vec<RoundControl> {
    let control = |server: &str, statement: &str, ns: f64| RoundControl {
        server: server.to_owned(),
        statement: statement.to_owned(),
        operations: reads,
        typical_ns: (reads >= 10).then_some(ns),
        typical_ci95_ns: (reads >= 10).then_some([ns * 0.99, ns * 1.01]),
    };
    let mut controls = vec![control("redis", "PING", 16e3), control("mysql", "SELECT 1", 24e3)];
    if name == "all" {
        controls.push(control("redis", "GET", 1.2e6));
    }
    controls
}

fn add_over_control(paths: &mut [PathRun], controls: &[RoundControl]) {
    let mysql = mean_of(paths, "mysql");
    for path in paths {
        let from_redis = path.path != "mysql";
        let control = controls.iter().rfind(|control| (control.server == "redis") == from_redis).unwrap();
        let minus = (path.path == "cold").then(|| "mysql".to_owned());
        let less_ns = if minus.is_some() { mysql } else { Some(0.0) };
        let value = (|| Some((path.typical_ns? - less_ns?) / control.typical_ns?))();
        path.over_control = Some(OverControl {
            control: control.statement.clone(),
            minus,
            typical: value.map(ratio),
            mean: value.map(ratio),
            withheld: value.is_none().then(|| "a path that it is made of has no reads".to_owned()),
        });
    }
}

/// Servers that nobody else used.
fn server_counters(reads: u64) -> ServerCounters {
    let ours = OwnRequests { mysql_selects: 4 * reads, mysql_executes: 2 * reads, redis_look_ups: 5 * reads };
    ServerCounters {
        mysql: Some(MysqlCounters {
            com_select: Some(ours.mysql_selects),
            com_stmt_execute: Some(ours.mysql_executes),
            innodb_buffer_pool_reads: Some(0),
            innodb_buffer_pool_read_requests: Some(ours.mysql_executes * 3),
            innodb_pages_read: None,
        }),
        redis: Some(RedisCounters {
            keyspace_hits: Some(4 * reads),
            keyspace_misses: Some(reads),
            evicted_keys: Some(0),
        }),
        ours,
        withheld: BTreeMap::new(),
    }
}

fn ratio(value: f64) -> Ratio {
    Ratio { ratio: value, ci95: [value * 0.95, value * 1.06] }
}

fn mean_of(paths: &[PathRun], name: &str) -> Option<f64> {
    paths.iter().find(|path| path.path == name && path.operations >= 10)?.mean_ns
}

/// The ratios as the statistics would give them, with an interval of about five percent.
fn ratios(paths: &[PathRun]) -> (Option<Ratio>, Option<Ratio>, Option<HitRatio>, BTreeMap<String, String>) {
    let [mysql, cold, warm] = ["mysql", "cold", "warm"].map(|name| mean_of(paths, name));
    let speedup = mysql.zip(warm).map(|(mysql, warm)| ratio(mysql / warm));
    let penalty = mysql.zip(cold).map(|(mysql, cold)| ratio(cold / mysql));
    let mut withheld = BTreeMap::new();
    for (name, there) in [("speedup", speedup.is_some()), ("miss_penalty", penalty.is_some())] {
        if !there {
            withheld.insert(name.to_owned(), "a path that it is made of has no reads".to_owned());
        }
    }
    let hit_ratio = match (mysql, cold, warm) {
        (Some(mysql), Some(cold), Some(warm)) if warm < mysql * 0.9 && cold > mysql => {
            let value = (cold - mysql) / (cold - warm);
            Some(HitRatio { value, ci95: [value * 0.9, (value * 1.1).min(1.0)] })
        }
        _ => None,
    };
    if hit_ratio.is_none() {
        let reason = match (mysql, warm) {
            (Some(mysql), Some(warm)) if warm > mysql => {
                "a hit is not faster than reading MySQL, so Redis adds nothing here"
            }
            (Some(_), Some(_)) => "whether a hit is faster than reading MySQL is within the noise",
            _ => "a path that it is made of has no reads",
        };
        withheld.insert("break_even_hit_ratio".to_owned(), reason.to_owned());
    }
    (speedup, penalty, hit_ratio, withheld)
}

fn curve(paths: &[PathRun]) -> Vec<CurvePoint> {
    let (Some(cold), Some(warm)) = (mean_of(paths, "cold"), mean_of(paths, "warm")) else {
        return Vec::new();
    };
    let point = |hit_percent: u64| {
        let hits = hit_percent as f64 / 100.0;
        let mean_ns = hits * warm + (1.0 - hits) * cold;
        CurvePoint {
            hit_percent,
            mean_ns: Some(mean_ns),
            mean_ci95_ns: Some([mean_ns * 0.97, mean_ns * 1.03]),
            mysql_reads_saved: hits,
        }
    };
    [0, 50, 80, 90, 95, 99, 100].map(point).to_vec()
}

pub(super) fn control(server: &str, statement: &str, middle_ns: f64) -> Control {
    let samples = latencies(9, 2_000, middle_ns, 0.15);
    Control {
        server: server.to_owned(),
        statement: statement.to_owned(),
        operations: 2_000,
        mean_ns: mean_ns(&samples),
        min_ns: samples.iter().min().copied(),
        max_ns: samples.iter().max().copied(),
        percentiles_ns: percentiles_ns(&samples),
        histogram: encode(&samples),
    }
}

fn node() -> DatabaseNode {
    DatabaseNode {
        host_name: Some("laptop".to_owned()),
        port: Some(45_999),
        server_id: Some(1),
        read_only: Some(false),
        replica: Some(false),
        reached: vec!["laptop:45999 with server id 1".to_owned()],
        ..DatabaseNode::default()
    }
}

fn server(flavor: &str, version: &str, settings: &[(&str, &str)]) -> Server {
    Server {
        version: version.to_owned(),
        flavor: flavor.to_owned(),
        transport: "unix socket".to_owned(),
        sandbox: true,
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        cluster_primaries: None,
        node: None,
    }
}

/// `all` with three codecs side by side, and `point` with one, both also read from disk.
pub(super) fn several_codecs(reads: usize) -> Run {
    let mut run = full(reads);
    for (workload, middle_ns, pages) in [(0, 42e6, 480.0), (1, 450e3, 1.0)] {
        let mut disk = path_of("disk", &latencies(8, reads.min(20), middle_ns, 0.05));
        disk.throughput_per_s = None;
        (disk.hits, disk.misses) = (None, None);
        disk.parts_mean_ns = disk.mean_ns.map(|ns| ("query".to_owned(), ns)).into_iter().collect();
        disk.disk = Some(DiskReads { storage: "direct".to_owned(), pages_per_read: Some(pages) });
        run.workloads[workload].paths.push(disk);
    }
    let arrow = &run.workloads[0];
    let with = |codec: &str, bytes: u64, cold_ns: f64, warm_ns: f64| {
        let mut paths = arrow.paths.clone();
        paths[1] = path_of("cold", &latencies(bytes, reads, cold_ns, 0.08));
        paths[2] = path_of("warm", &latencies(bytes + 1, reads, warm_ns, 0.1));
        let mut workload = workload_of("all", paths);
        workload.codec = codec.to_owned();
        workload.value_bytes = workload.value_bytes.map(|_| bytes);
        workload
    };
    let others = [with("postcard", 5_290_000, 36e6, 8.1e6), with("json", 8_090_000, 49e6, 21e6)];
    run.workloads.splice(1..1, others);
    run
}

/// Four workloads with so many codecs each.
pub(crate) fn of_codecs(codecs: usize, reads: usize) -> Run {
    let mut run = full(reads);
    let names = ["all", "page", "point", "aggregate"];
    let codecs = ["arrow", "postcard", "msgpack", "json"].into_iter().take(codecs);
    let all = names.into_iter().flat_map(|name| codecs.clone().map(move |codec| (name, codec)));
    run.workloads = all
        .zip(1_u32..)
        .map(|((name, codec), seed)| {
            let path = |path: &str, ns: f64| {
                path_of(path, &latencies(u64::from(seed), reads, ns * f64::from(seed), 0.15))
            };
            let paths = vec![path("mysql", 61e3), path("cold", 134e3), path("warm", 29e3)];
            WorkloadRun { codec: codec.to_owned(), ..workload_of(name, paths) }
        })
        .collect();
    run
}

/// Two workloads on three paths each: `all` with two peaks on MySQL, `point` with fast reads.
pub(crate) fn full(reads: usize) -> Run {
    let mut scan = latencies(1, reads - reads / 5, 22e6, 0.06);
    scan.extend(latencies(2, reads / 5, 31e6, 0.04));
    let all = vec![
        path_of("mysql", &scan),
        path_of("cold", &latencies(3, reads, 30e6, 0.08)),
        path_of("warm", &latencies(4, reads, 1.75e6, 0.1)),
    ];
    let point = vec![
        path_of("mysql", &latencies(5, reads, 61e3, 0.15)),
        path_of("cold", &latencies(6, reads, 134e3, 0.18)),
        path_of("warm", &latencies(7, reads, 29e3, 0.12)),
    ];
    Run {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: "0.1.0".to_owned(),
        started_at: "2026-03-01T09:30:00Z".to_owned(),
        wall_s: 41.7,
        interrupted: false,
        environment: Environment {
            os: "Linux 6.1, Debian 12".to_owned(),
            cpu_model: Some("AMD EPYC 7B13".to_owned()),
            cores: Some(2),
            mysql: Server {
                node: Some(node()),
                ..server(
                    "MariaDB",
                    "10.11.14",
                    &[("innodb_buffer_pool_size", "268435456"), ("query_cache_type", "OFF")],
                )
            },
            redis: server("Redis", "7.0.15", &[("appendonly", "no"), ("maxmemory", "0"), ("save", "")]),
        },
        dataset: Some(Dataset { users: 100_000, rng_seed: 42, fingerprint: "9f2c3a5d11e07b46".to_owned() }),
        config: Config {
            iterations: Some(reads as u64),
            time_s: None,
            clients: 1,
            paths: ["mysql", "cold", "warm"].map(str::to_owned).to_vec(),
            ttl_s: 300,
            verify_hit_percent: None,
            placement: "even".to_owned(),
            cores_awake: true,
            rng_seed: 1,
        },
        controls: vec![control("mysql", "SELECT 1", 24e3), control("redis", "PING", 16e3)],
        workloads: vec![workload_of("all", all), workload_of("point", point)],
        assertions: Vec::new(),
        warnings: Vec::new(),
        runs: Vec::new(),
        generators: 1,
        first_accesses: None,
    }
}
