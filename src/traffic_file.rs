//! The document of traffic: what `rcache traffic --output` saves and `--format json` prints.

pub(crate) mod build;
pub(crate) mod judge;
pub(crate) mod load;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run_file::{AssertionRun, Environment, Warning};

/// The value of `format` in every document.
pub(crate) const FORMAT: &str = "rcache-traffic";
/// Raised when a field changes its meaning or goes; new fields leave it as it is, and need a
/// default.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// A load on the servers, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    /// Always `rcache-traffic`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that measured, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// When it began: RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The duration, s.
    pub(crate) wall_s: f64,
    /// True if Ctrl-C ended it early: every number then covers what happened until then.
    pub(crate) interrupted: bool,
    /// The machine that rcache ran on, and the two servers.
    pub(crate) environment: Environment,
    /// Everything that changes a number, and no secret.
    pub(crate) config: Config,
    /// In the order in which they ran.
    pub(crate) strategies: Vec<Strategy>,
    /// The assertions of `--assert`, with their verdicts.
    pub(crate) assertions: Vec<AssertionRun>,
    /// Facts that spoil or qualify the numbers.
    pub(crate) warnings: Vec<Warning>,
}

/// The load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// `closed`: as fast as the clients can; `open`: at a rate; `trace`: at the times of a trace;
    /// `find`: at rates that were searched.
    #[serde(rename = "loop")]
    pub(crate) kind: String,
    /// Reads and writes offered a second; null in a closed loop and a search.
    pub(crate) rate_per_s: Option<f64>,
    /// `poisson` or `even`; null in a closed loop and for a trace.
    pub(crate) arrivals: Option<String>,
    /// The condition of `--find`; null without it.
    pub(crate) find: Option<String>,
    /// For each strategy, s; null in a search.
    pub(crate) duration_s: Option<f64>,
    /// Threads, each with connections of its own.
    pub(crate) clients: u64,
    /// Different keys: rows of the table, and entries of the cache; of several workloads the most.
    pub(crate) keys: u64,
    /// `uniform`, `zipf:EXPONENT` or `hotspot:KEYS%:READS%`; null for a trace.
    pub(crate) popularity: Option<String>,
    /// The share of operations that are writes, 0 to 1; null for a trace.
    pub(crate) writes_share: Option<f64>,
    /// The lifetime of entries, s.
    pub(crate) ttl_s: f64,
    /// True if the cache was empty at first, false if it was in the state in which the load leaves
    /// it.
    pub(crate) cold: bool,
    /// Operations that waited longer for a client were given up, s; null if none was while the
    /// trial lasted.
    pub(crate) late_s: Option<f64>,
    /// True if the processor's cores were kept from falling asleep.
    pub(crate) cores_awake: bool,
    /// Draws keys, instants and kinds of operations.
    pub(crate) rng_seed: u64,
    /// The workloads that were read instead of rows of rcache's own; empty if there were none.
    #[serde(default)]
    pub(crate) workloads: Vec<WorkloadConfig>,
}

/// A workload, or a query of the user's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorkloadConfig {
    /// Its name.
    pub(crate) name: String,
    /// The codec of entries.
    pub(crate) codec: String,
    /// Different keys that were read.
    pub(crate) keys: u64,
    /// The statement of a query without its literals; null for a workload.
    pub(crate) statement: Option<String>,
}

/// One strategy of caching under the load. For a search, the trial at the highest rate at which the
/// condition held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Strategy {
    /// `mysql`, `naive`, `lock`, `lease` or `lease-marker`.
    pub(crate) strategy: String,
    /// The workload that was read; null for rows of rcache's own.
    #[serde(default)]
    pub(crate) workload: Option<String>,
    /// Why it ended before its time: `interrupted`, or `failures` if more than a tenth of the
    /// operations failed; null if it did not.
    pub(crate) ended_early: Option<String>,
    /// From the first to the last operation, s.
    pub(crate) measured_s: f64,
    /// Operations that were due: those done, failed and given up together.
    pub(crate) offered: u64,
    /// Operations that were answered.
    pub(crate) done: u64,
    /// Operations that failed, by kind: `mysql` or `redis`.
    pub(crate) errors: BTreeMap<String, u64>,
    /// The first of them, in words.
    pub(crate) first_error: Option<String>,
    /// Operations that no client was free for in time.
    pub(crate) given_up: u64,
    /// Operations done a second, until the last one was done.
    pub(crate) throughput_per_s: f64,
    /// From when an operation was due to its answer. Of a percentile, operations that failed or
    /// were given up count as slower than any answer.
    pub(crate) response: Distribution,
    /// From when a client took an operation to its answer.
    pub(crate) service: Distribution,
    /// The mean time for which an operation waited for a free client, ns.
    pub(crate) waiting_mean_ns: Option<f64>,
    /// The delay with which clients woke that had slept until an operation was due; it is part of
    /// the response time.
    pub(crate) waking: Distribution,
    /// Reads that were answered from the cache.
    pub(crate) hits: Operations,
    /// Reads that asked the database.
    pub(crate) loads: Operations,
    /// Writes.
    pub(crate) writes: Operations,
    /// Share of reads that were answered from the cache, 0 to 1; null without a cache or without
    /// reads.
    pub(crate) hit_ratio: Option<f64>,
    /// Its 95 % interval, from how seconds differ.
    pub(crate) hit_ratio_ci95: Option<[f64; 2]>,
    /// The hit ratio that popularity, writes and times to live lead to; null without a cache, and
    /// for a cold one.
    pub(crate) expected_hit_ratio: Option<f64>,
    /// Reads that returned a version older than one whose write had returned before they began.
    pub(crate) stale_reads: u64,
    /// The longest time between the return of the write that a stale read missed and the beginning
    /// of the read, ns; null without one.
    pub(crate) stale_age_max_ns: Option<u64>,
    /// Answers that were never in the database under that id.
    pub(crate) wrong_reads: u64,
    /// Answers of a query that MySQL gave at another time: other programs changed the rows.
    #[serde(default)]
    pub(crate) changed_reads: u64,
    /// The number of times that the database was asked for a row.
    pub(crate) database_loads: u64,
    /// By the second in which operations were due; in a closed loop, in which they began.
    pub(crate) seconds: Vec<SecondRow>,
    /// The result of `--find`; null without it.
    pub(crate) max_rate: Option<MaxRate>,
    /// Why its numbers say nothing about a cache: no read hit, although many should have, and what
    /// Redis refused; null if its cache worked.
    #[serde(default)]
    pub(crate) obstacle: Option<String>,
}

/// Fewer reads show nothing about a cache.
const FEWEST_READS: u64 = 5;
/// A cache that works misses all reads by accident less often than this.
const ACCIDENT: f64 = 0.001;

impl Strategy {
    /// Whether no read hit, although many should have.
    pub(crate) fn never_hit(&self) -> bool {
        let reads = self.hits.operations + self.loads.operations;
        let by_accident = |expected: f64| (1.0 - expected.clamp(0.0, 1.0)).powf(reads as f64);
        self.hits.operations == 0
            && reads >= FEWEST_READS
            && self.expected_hit_ratio.is_some_and(|expected| by_accident(expected) < ACCIDENT)
    }

    /// Its name on pages and in assertions: `lease`, or `point.lease` for a workload.
    pub(crate) fn label(&self) -> String {
        match &self.workload {
            Some(workload) => format!("{workload}.{}", self.strategy),
            None => self.strategy.clone(),
        }
    }

    /// Whether it reads without a cache what `other` reads.
    pub(crate) fn is_control_of(&self, other: &Self) -> bool {
        self.strategy == "mysql" && self.workload == other.workload
    }
}

/// Operations of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Operations {
    /// The number of reads.
    pub(crate) operations: u64,
    /// Mean service time, ns; null without any.
    pub(crate) mean_ns: Option<f64>,
}

/// Times of operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Distribution {
    /// The number of reads.
    pub(crate) operations: u64,
    /// The mean of the exact sum, ns; null without any.
    pub(crate) mean_ns: Option<f64>,
    /// Its 95 % interval, ns, from how seconds differ; null if there are too few.
    pub(crate) mean_ci95_ns: Option<[f64; 2]>,
    /// Shortest, ns.
    pub(crate) min_ns: Option<u64>,
    /// Longest, ns.
    pub(crate) max_ns: Option<u64>,
    /// By `50`, `90`, `95`, `99`, `99.9`, ns; null if fewer than ten samples lie above.
    pub(crate) percentiles_ns: BTreeMap<String, Option<u64>>,
    /// 95 % intervals of the percentiles, ns; null if the samples cannot carry one.
    pub(crate) percentiles_ci95_ns: BTreeMap<String, Option<[f64; 2]>>,
    /// HdrHistogram V2, deflated, base64: times in ns.
    pub(crate) histogram: String,
}

/// One second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SecondRow {
    /// From 0.
    pub(crate) second: u64,
    /// Operations that were due.
    pub(crate) offered: u64,
    /// Those that were answered.
    pub(crate) done: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that were given up.
    pub(crate) given_up: u64,
    /// Reads answered from the cache.
    pub(crate) hits: u64,
    /// Reads that asked the database.
    pub(crate) loads: u64,
    /// Stale reads.
    pub(crate) stale_reads: u64,
    /// Mean response time, ns; null without answers.
    pub(crate) response_mean_ns: Option<f64>,
    /// Median response time, ns, to 6 %; null without answers.
    pub(crate) response_p50_ns: Option<u64>,
    /// 99th percentile of the response times, ns, to 6 %; null without answers.
    pub(crate) response_p99_ns: Option<u64>,
    /// Longest response time, ns, to 6 %; null without answers.
    pub(crate) response_max_ns: Option<u64>,
}

/// The highest rate at which the condition of `--find` held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct MaxRate {
    /// `between`: it lies in the interval; `at_least`: the servers were not the limit; `not_at`: it
    /// did not hold even there.
    pub(crate) kind: String,
    /// Operations a second: the middle of the interval, or the bound.
    pub(crate) per_s: f64,
    /// The rates between which it lies; null without both.
    pub(crate) interval_per_s: Option<[f64; 2]>,
    /// Trials that were made.
    pub(crate) trials: u64,
}
