//! The saved run: the document that `--output` writes and `--format json` prints. Its types are its
//! own, so that the program can change inside without changing the contract.

pub(crate) mod build;
pub(crate) mod load;
pub(crate) mod own;
mod path;
pub(crate) mod pool;
pub(crate) mod servers;
mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::path::{DiskReads, ExchangesPerRead, OverControl, PathRun};
pub(crate) use self::servers::{Avoided, RedisMemory, ServerCounters};
pub(crate) use self::workload::{
    AtDistance, CurvePoint, HitRatio, Ratio, RoundControl, TypicalRatios, VerifiedHitRatio, WorkloadRun,
};
use crate::model::Judgement;
pub(crate) use crate::samples::database_node::{ClusterNode, DatabaseNode};

/// The value of `format` in every run file.
pub(crate) const FORMAT: &str = "rcache-run";
/// Raised when a field changes its meaning or goes; new fields leave it as it is, so they need a
/// default: a file that was written before they came stays readable. Real files of earlier days are
/// kept in `tests/runs/`, and a test reads them; with a new version their reading may change, and
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

/// Something that spoils or qualifies the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Warning {
    /// Stable name, for example `debug_build`.
    pub(crate) code: String,
    /// The cause, and what to do.
    pub(crate) message: String,
}
