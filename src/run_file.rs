//! The saved run: the document that `--output` writes and `--format json` prints. Its types are its
//! own, so that the program can change inside without changing the contract.

pub(crate) mod build;
pub(crate) mod load;
mod node;
pub(crate) mod own;
pub(crate) mod pool;
pub(crate) mod servers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Judgement;

pub(crate) use node::{ClusterNode, DatabaseNode};
pub(crate) use servers::{Avoided, RedisMemory, ServerCounters};

/// The value of `format` in every run file.
pub(crate) const FORMAT: &str = "rcache-run";
/// Raised when a field changes its meaning or goes; new fields leave it as it is, so they need a
/// default: a file that was written before they came stays readable. Real files of earlier days
/// stand in `tests/runs/`, and a test reads them; with a new version their reading may change, and
/// the files stay.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// One measurement, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Run {
    /// Always `rcache-run`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that measured, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// When the run began: RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The duration of the run, s.
    pub(crate) wall_s: f64,
    /// True where Ctrl-C ended the run early: every number then covers what was measured until
    /// then.
    pub(crate) interrupted: bool,
    /// The machine that rcache ran on, and the two servers.
    pub(crate) environment: Environment,
    /// The contents of the table of the built-in workloads; null if only queries of the user's own
    /// were measured.
    pub(crate) dataset: Option<Dataset>,
    /// Everything asked for that changes a number, and no secret.
    pub(crate) config: Config,
    /// The round-trip floor of each server, measured on the same connections in the same rounds.
    pub(crate) controls: Vec<Control>,
    /// One for each workload and codec. Codecs that were measured side by side share the rounds,
    /// and the path `mysql`.
    pub(crate) workloads: Vec<WorkloadRun>,
    /// The assertions of `--assert`, with their verdicts.
    #[serde(default)]
    pub(crate) assertions: Vec<AssertionRun>,
    /// Facts that spoil or qualify the numbers.
    pub(crate) warnings: Vec<Warning>,
    /// The single runs of `bench --runs`. `workloads` then holds all their reads together, with
    /// intervals made of what the runs differ by. Empty for a single run.
    #[serde(default)]
    pub(crate) runs: Vec<RunPart>,
    /// The number of load generators that made these reads at the same time. `merge` puts their
    /// runs together: `runs` then has those of each generator, and `config.clients` counts the
    /// clients of all.
    #[serde(default = "one_generator")]
    pub(crate) generators: u64,
    /// The blog post's two accesses of `demo`, before the run; null for other runs.
    #[serde(default)]
    pub(crate) first_accesses: Option<FirstAccesses>,
}

/// Before runs could be merged.
fn one_generator() -> u64 {
    1
}

/// The first access to all users, which finds no entry, and the second, which finds the one that
/// the first left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FirstAccesses {
    /// Read from MySQL and put into Redis, ns.
    pub(crate) mysql_ns: f64,
    /// Read from Redis, ns.
    pub(crate) redis_ns: f64,
}

/// One run of several: a process of its own, with connections and another order of keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RunPart {
    /// When the run began: RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The duration of the run, s.
    pub(crate) wall_s: f64,
    /// Orders its keys and shuffles its paths.
    pub(crate) rng_seed: u64,
    /// The same as of the whole.
    pub(crate) controls: Vec<Control>,
    /// The same as of the whole, of this run's reads alone.
    pub(crate) workloads: Vec<WorkloadRun>,
    /// The same as of the whole.
    pub(crate) warnings: Vec<Warning>,
}

/// One assertion, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AssertionRun {
    /// The text as it was typed.
    pub(crate) expression: String,
    /// The codec that is judged here, if several were measured side by side. Each is judged by
    /// itself.
    #[serde(default)]
    pub(crate) codec: Option<String>,
    /// `passed`, `failed` or `inconclusive`.
    pub(crate) verdict: Judgement,
    /// ns for times, reads per second for throughput, a plain number for ratios and counts; null
    /// where not measured.
    pub(crate) value: Option<f64>,
    /// The 95 % interval by which it was judged; null for counts and where there is none.
    pub(crate) ci95: Option<[f64; 2]>,
    /// Why it is inconclusive without an interval.
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Environment {
    /// Operating system and kernel.
    pub(crate) os: String,
    /// Null where the system does not tell.
    pub(crate) cpu_model: Option<String>,
    /// Processors that rcache may use; null where the system does not tell.
    pub(crate) cores: Option<u64>,
    /// MySQL or MariaDB.
    pub(crate) mysql: Server,
    /// Redis or Valkey.
    pub(crate) redis: Server,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Server {
    /// For example `10.11.14`.
    pub(crate) version: String,
    /// `MySQL`, `MariaDB`, `Redis` or `Valkey`.
    pub(crate) flavor: String,
    /// `tcp`, `tcp+tls` or `unix socket`.
    pub(crate) transport: String,
    /// True where rcache started the server for itself.
    pub(crate) sandbox: bool,
    /// The server's settings that change a number.
    pub(crate) settings: BTreeMap<String, String>,
    /// The number of primaries of a Redis Cluster; null for any other server.
    #[serde(default)]
    pub(crate) cluster_primaries: Option<u64>,
    /// MySQL's own word on its part among several servers; null for Redis, and in files from before
    /// it was asked.
    #[serde(default)]
    pub(crate) node: Option<DatabaseNode>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Dataset {
    /// Rows of the table.
    pub(crate) users: u64,
    /// The seed of the users: the same number gives the same users on every machine.
    pub(crate) rng_seed: u64,
    /// The fingerprint of all rows, as the database computed it.
    pub(crate) fingerprint: String,
}

/// Everything asked for that changes a number, and no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// Measured reads for every workload and path, of the path `disk` at most 20; null if a time
    /// was asked for.
    pub(crate) iterations: Option<u64>,
    /// The longest time for which each workload was to be measured, s; null if a number of reads
    /// was asked for.
    #[serde(default)]
    pub(crate) time_s: Option<f64>,
    /// Threads that read at the same time, each with connections of its own.
    pub(crate) clients: u64,
    /// `mysql` (no cache), `cold` (a miss), `warm` (a hit).
    pub(crate) paths: Vec<String>,
    /// `even`: in every block each client read for the same time on each core; `free`: wherever the
    /// system put it.
    #[serde(default = "placed_freely")]
    pub(crate) placement: String,
    /// True where the processor's cores were kept from falling asleep between reads.
    #[serde(default)]
    pub(crate) cores_awake: bool,
    /// The lifetime of entries in Redis, s.
    pub(crate) ttl_s: u64,
    /// The hit ratio at which `--verify-hit-ratio` had reads made beside those of the paths; null
    /// without it.
    #[serde(default)]
    pub(crate) verify_hit_percent: Option<u64>,
    /// Orders the keys and shuffles the paths.
    pub(crate) rng_seed: u64,
}

/// Before clients could be moved.
fn placed_freely() -> String {
    "free".to_owned()
}

/// A server's bare round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Control {
    /// `mysql` or `redis`.
    pub(crate) server: String,
    /// `SELECT 1` or `PING`.
    pub(crate) statement: String,
    /// Round trips that were timed.
    pub(crate) operations: u64,
    /// Mean, ns; null without round trips.
    pub(crate) mean_ns: Option<f64>,
    /// Shortest, ns.
    pub(crate) min_ns: Option<u64>,
    /// Longest, ns.
    pub(crate) max_ns: Option<u64>,
    /// By `50`, `90`, `95`, `99`, `99.9`, ns; null where fewer than ten samples lie above.
    pub(crate) percentiles_ns: BTreeMap<String, Option<u64>>,
    /// HdrHistogram V2, deflated, base64: latencies in ns. Empty in files from before it was saved.
    #[serde(default)]
    pub(crate) histogram: String,
}

/// An exchange that was made in every round of a workload, for comparison with the reads of the
/// same round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RoundControl {
    /// `mysql` or `redis`.
    pub(crate) server: String,
    /// `PING`, `SELECT 1`, or `GET`: a large entry of this workload, received and not looked at.
    pub(crate) statement: String,
    /// Exchanges that were timed.
    pub(crate) operations: u64,
    /// The typical time of one, ns: the median over rounds of their geometric means; null if the
    /// rounds are too few.
    pub(crate) typical_ns: Option<f64>,
    /// Its 95 % interval, ns.
    pub(crate) typical_ci95_ns: Option<[f64; 2]>,
}

/// The cost of a path in terms of a control of the same rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OverControl {
    /// The control, by its statement.
    pub(crate) control: String,
    /// The path that is subtracted first: `mysql` for a miss, which asks MySQL the same; null for
    /// the others.
    pub(crate) minus: Option<String>,
    /// By typical reads: the median over rounds; null where the rounds are too few.
    pub(crate) typical: Option<Ratio>,
    /// By the mean of all reads of the path; null where the rounds are too few.
    pub(crate) mean: Option<Ratio>,
    /// Why one of them is null.
    pub(crate) withheld: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorkloadRun {
    /// `all`, `page`, `point` or `aggregate`; a query of the user's own is called as `--name` or
    /// its file says.
    pub(crate) name: String,
    /// `arrow`, `postcard`, `msgpack` or `json`.
    pub(crate) codec: String,
    /// The number of cache keys that the workload can touch.
    pub(crate) keys: u64,
    /// Mean bytes of an entry's value, header included; null where none was written.
    pub(crate) value_bytes: Option<u64>,
    /// Rounds that counted.
    pub(crate) rounds: u64,
    /// Reads of one path in one full round, all clients together, not counting repeated reads of
    /// the same key.
    pub(crate) block: u64,
    /// The time of the rounds, s: reads, their preparation and their verification, without the
    /// warm-up.
    #[serde(default)]
    pub(crate) measured_s: Option<f64>,
    /// Why the rounds ended: `time` (the time was up), `precise` (every ratio is certain to two
    /// digits), `complete` (all reads that were asked for are done) or `early` (interrupted, or
    /// after failures).
    #[serde(default)]
    pub(crate) ended: Option<String>,
    /// In how many groups the rounds were read, each over connections of its own: the intervals
    /// include what varies between connections. 0 in files of versions that opened connections
    /// once.
    #[serde(default)]
    pub(crate) connection_groups: u64,
    /// The cheapest exchanges with both servers, made in every round: what `compare` judges the
    /// paths by.
    #[serde(default)]
    pub(crate) controls: Vec<RoundControl>,
    /// Each path that was asked for, also one without reads.
    pub(crate) paths: Vec<PathRun>,
    /// mysql mean / warm mean: how many times as fast a hit is.
    pub(crate) speedup: Option<Ratio>,
    /// cold mean / mysql mean: how many times as long a miss takes as no cache at all.
    pub(crate) miss_penalty: Option<Ratio>,
    /// Below this hit ratio the cache costs time.
    pub(crate) break_even_hit_ratio: Option<HitRatio>,
    /// cold mean / naive mean, in the same rounds; null unless both paths were measured.
    #[serde(default)]
    pub(crate) cold_over_naive: Option<Ratio>,
    /// warm / mysql of typical reads: the median over rounds of the ratio of geometric means, which
    /// neither a few slow rounds nor a few slow reads move.
    pub(crate) warm_over_mysql: Option<Ratio>,
    /// The three ratios before it, of typical reads: for runs in which something else disturbed the
    /// means.
    #[serde(default)]
    pub(crate) typical: TypicalRatios,
    /// Why one of the four above is null, by its name.
    #[serde(default)]
    pub(crate) withheld: BTreeMap<String, String>,
    /// The mean cost of a read at other hit ratios.
    #[serde(default)]
    pub(crate) hit_ratio_curve: Vec<CurvePoint>,
    /// The results with the servers further away, as `--distance` asked; null without it.
    #[serde(default)]
    pub(crate) at_distance: Option<AtDistance>,
    /// The measured cost of reads at the hit ratio of `--verify-hit-ratio`; null without it.
    #[serde(default)]
    pub(crate) verified_hit_ratio: Option<VerifiedHitRatio>,
    /// The counts of both servers during the run, beside our own.
    #[serde(default)]
    pub(crate) server_counters: Option<ServerCounters>,
    /// The load that the hits of this run spared MySQL; null if nothing was read through the cache.
    #[serde(default)]
    pub(crate) avoided: Option<Avoided>,
    /// The memory of the workload's entries in Redis at its end; null if it is not known.
    #[serde(default)]
    pub(crate) redis_memory: Option<RedisMemory>,
    /// The query, if it is one of the user's own; null for a built-in workload.
    #[serde(default)]
    pub(crate) query: Option<own::OwnQueryRun>,
}

/// Round trips of one read on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ExchangesPerRead {
    /// To MySQL.
    pub(crate) mysql: f64,
    /// To Redis. Commands that are sent together count once.
    pub(crate) redis: f64,
}

/// Reads that took at least 20 times as long as the median one, and a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Stalls {
    /// The number of reads.
    pub(crate) reads: u64,
    /// The longest of them, ns.
    pub(crate) longest_ns: u64,
    /// The share of this path's reading time that they took, 0 to 1.
    pub(crate) time_share: f64,
    /// Estimated p99 of requests that arrive at any moment, if a stall holds up all of them, ns.
    /// The percentiles of this run are those of a closed loop, in which a client that waits asks
    /// nothing.
    pub(crate) p99_of_arrivals_ns: f64,
}

/// Results computed for a longer way to the servers: each round trip takes so much longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AtDistance {
    /// The time that every round trip to MySQL takes in addition, ns.
    pub(crate) mysql_extra_ns: f64,
    /// The time that every round trip to Redis takes in addition, ns.
    pub(crate) redis_extra_ns: f64,
    /// Mean of each path, ns; null without an interval.
    pub(crate) mean_ns: BTreeMap<String, Option<f64>>,
    /// Its 95 % interval, ns.
    pub(crate) mean_ci95_ns: BTreeMap<String, Option<[f64; 2]>>,
    /// mysql mean / warm mean.
    pub(crate) speedup: Option<Ratio>,
    /// cold mean / mysql mean.
    pub(crate) miss_penalty: Option<Ratio>,
    /// Below this hit ratio the cache costs time.
    pub(crate) break_even_hit_ratio: Option<HitRatio>,
    /// Why one of the three above is null, by its name.
    pub(crate) withheld: BTreeMap<String, String>,
}

/// Reads at a hit ratio that was enforced, in blocks of their own among those of the paths; they
/// are in no other number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct VerifiedHitRatio {
    /// The hit ratio that was asked for.
    pub(crate) hit_percent: u64,
    /// Reads that returned the right answer.
    pub(crate) operations: u64,
    /// Those of them that found an entry.
    pub(crate) hits: u64,
    /// Those of them that found none.
    pub(crate) misses: u64,
    /// Reads that failed or answered wrongly, by kind; they are in no other number.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Mean, ns; null without reads.
    pub(crate) mean_ns: Option<f64>,
    /// Its 95 % interval, ns, from a bootstrap over rounds, hits and misses apart; null where
    /// either are too few.
    pub(crate) mean_ci95_ns: Option<[f64; 2]>,
    /// From the cold and the warm path, at the hit ratio as it was counted, ns.
    pub(crate) expected_mean_ns: Option<f64>,
    /// Its 95 % interval, ns.
    pub(crate) expected_mean_ci95_ns: Option<[f64; 2]>,
    /// `mean_ns` / `expected_mean_ns`: 1 where the curve holds.
    pub(crate) measured_over_expected: Option<Ratio>,
    /// Why `measured_over_expected` is null.
    pub(crate) withheld: Option<String>,
    /// By `50`, `90`, `95`, `99`, `99.9`, ns; null where fewer than ten samples lie above it.
    pub(crate) percentiles_ns: BTreeMap<String, Option<u64>>,
    /// HdrHistogram V2, deflated, base64: latencies in ns.
    pub(crate) histogram: String,
}

/// A ratio is never given without its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Ratio {
    /// A plain number.
    pub(crate) ratio: f64,
    /// Its 95 % interval: low, high.
    pub(crate) ci95: [f64; 2],
}

/// Ratios of typical reads: medians over rounds of the ratios of geometric means. Null if they are
/// not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TypicalRatios {
    /// mysql / warm.
    pub(crate) speedup: Option<Ratio>,
    /// cold / mysql.
    pub(crate) miss_penalty: Option<Ratio>,
    /// Made of the two above; the interval is wider than 95 %.
    pub(crate) break_even_hit_ratio: Option<HitRatio>,
}

/// A share of reads that hit, 0 to 1, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct HitRatio {
    /// A share, 0 to 1.
    pub(crate) value: f64,
    /// Its 95 % interval: low, high.
    pub(crate) ci95: [f64; 2],
}

/// One point of the hit-ratio curve: expected, from the paths measured at 0 and at 100 % hits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CurvePoint {
    /// So many of 100 reads hit.
    pub(crate) hit_percent: u64,
    /// Expected mean of all reads together, ns.
    pub(crate) mean_ns: Option<f64>,
    /// Its 95 % interval, ns: low, high.
    pub(crate) mean_ci95_ns: Option<[f64; 2]>,
    /// Share of reads that MySQL does not see.
    pub(crate) mysql_reads_saved: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PathRun {
    /// `mysql`, `cold`, `warm`, `naive` or `disk`.
    pub(crate) path: String,
    /// Reads that returned the right answer on this path.
    pub(crate) operations: u64,
    /// The hits that the cache counted; null on the paths that have no cache.
    pub(crate) hits: Option<u64>,
    /// The misses that the cache counted; null on the path that has no cache.
    pub(crate) misses: Option<u64>,
    /// Reads that failed or answered wrongly, by kind; they are in no other number.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Reads per second of all clients together while all of them are reading; null on the path
    /// `disk`, where a restart lies between any two.
    pub(crate) throughput_per_s: Option<f64>,
    /// The mean number of clients that were reading while this path's blocks ran. Much less than
    /// `clients` means that clients waited for the last one of a block, so that the latencies are
    /// those of fewer clients.
    #[serde(default)]
    pub(crate) clients_at_work: Option<f64>,
    /// The mean of the exact sum, ns; null without reads.
    pub(crate) mean_ns: Option<f64>,
    /// Its 95 % interval, ns, from a bootstrap over rounds; null where the rounds are too few.
    pub(crate) mean_ci95_ns: Option<[f64; 2]>,
    /// The typical time of a read, ns: the median over rounds of their geometric means; null if the
    /// rounds are too few.
    #[serde(default)]
    pub(crate) typical_ns: Option<f64>,
    /// Its 95 % interval, ns.
    #[serde(default)]
    pub(crate) typical_ci95_ns: Option<[f64; 2]>,
    /// The path in terms of the controls of its rounds; null on the path `disk`.
    #[serde(default)]
    pub(crate) over_control: Option<OverControl>,
    /// Shortest, ns, exact.
    pub(crate) min_ns: Option<u64>,
    /// Longest, ns, exact.
    pub(crate) max_ns: Option<u64>,
    /// Reads longer than the histogram's end (one hour), counted there.
    pub(crate) saturated: u64,
    /// By `50`, `90`, `95`, `99`, `99.9`, ns; null where fewer than ten samples lie above.
    pub(crate) percentiles_ns: BTreeMap<String, Option<u64>>,
    /// The 95 % intervals of the percentiles, ns, from order statistics; null if the samples cannot
    /// carry an interval.
    #[serde(default)]
    pub(crate) percentiles_ci95_ns: BTreeMap<String, Option<[f64; 2]>>,
    /// Mean time, ns, of each part that the reads went through: `get`, `decode`, `query`, `encode`,
    /// `set`. Their sum is the mean, but for what lies between the last part and the end (some ten
    /// nanoseconds).
    #[serde(default)]
    pub(crate) parts_mean_ns: BTreeMap<String, f64>,
    /// Mean time, ns, from the beginning of a miss until Redis had answered for its entry. The
    /// answer was usable earlier; the throughput includes the rest. Null without misses and in
    /// older files.
    #[serde(default)]
    pub(crate) stored_mean_ns: Option<f64>,
    /// Round trips of one read to each server, on average, that were waited for; null without reads
    /// and in older files.
    #[serde(default)]
    pub(crate) exchanges_per_read: Option<ExchangesPerRead>,
    /// Reads that were held up for long; null if there were none.
    #[serde(default)]
    pub(crate) stalls: Option<Stalls>,
    /// The circumstances of the path `disk`; null on the others.
    #[serde(default)]
    pub(crate) disk: Option<DiskReads>,
    /// HdrHistogram V2, deflated, base64: latencies in ns.
    pub(crate) histogram: String,
}

/// Reads of a database that has just restarted, each after a restart of its own, by one client,
/// after all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DiskReads {
    /// The origin of pages: `direct`, from the disk past the system's page cache; `page_cache`,
    /// which may have held them; `memory`, where the file system itself is in memory; or `unknown`.
    pub(crate) storage: String,
    /// Pages that InnoDB fetched for one read on average, those ahead of being asked for included;
    /// null where it does not tell.
    pub(crate) pages_per_read: Option<f64>,
}

/// Something that spoils or qualifies the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Warning {
    /// Stable name, for example `debug_build`.
    pub(crate) code: String,
    /// The cause, and what to do.
    pub(crate) message: String,
}
