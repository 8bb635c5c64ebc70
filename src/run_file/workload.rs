//! One workload with one codec, as it is saved: its paths, and the ratios between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Avoided, PathRun, RedisMemory, ServerCounters, own};

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
