//! One path of a workload, as it is saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Ratio;
use crate::stats::stalls::Stalls;

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

/// Round trips of one read on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ExchangesPerRead {
    /// To MySQL.
    pub(crate) mysql: f64,
    /// To Redis. Commands that are sent together count once.
    pub(crate) redis: f64,
}
