//! The document that `rcache size --format json` prints and the page is made from.

use serde::{Deserialize, Serialize};

use crate::run_file::HitRatio;
pub(crate) use crate::size_check::Verified;

/// The value of `format` in every document.
pub(crate) const FORMAT: &str = "rcache-size";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// A prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    /// Always `rcache-size`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that predicted, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// The measurements of the run.
    pub(crate) workload: Workload,
    /// The load that the prediction is for.
    pub(crate) load: Load,
    /// From the smallest; the last one has room for everything.
    pub(crate) limits: Vec<Limit>,
    /// The hits that are lost although there is room for every key.
    pub(crate) losses: Losses,
    /// The result for `--hit-ratio`; null without it.
    pub(crate) target: Option<Target>,
    /// The results of `--verify` on a private Redis; empty without it.
    pub(crate) verified: Vec<Verified>,
}

/// The measurements of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Workload {
    /// Its name in the run.
    pub(crate) name: String,
    /// The codec of its entries.
    pub(crate) codec: String,
    /// Different keys of the load; estimated for a trace of very many keys.
    pub(crate) keys: f64,
    /// Bytes of an entry in Redis, with its key and bookkeeping.
    pub(crate) entry_bytes: f64,
    /// `memory_usage`: as Redis counted; `value_bytes`: estimated from the length of the values.
    pub(crate) entry_bytes_source: String,
    /// Mean of a read without a cache, ns.
    pub(crate) mysql_mean_ns: f64,
    /// Mean of a hit, ns.
    pub(crate) hit_mean_ns: f64,
    /// Mean of a miss, ns.
    pub(crate) miss_mean_ns: f64,
    /// Below this hit ratio the cache costs time; null if it always does, or if the run does not
    /// say.
    pub(crate) break_even_hit_ratio: Option<HitRatio>,
}

/// A load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Load {
    /// `uniform`, `zipf:EXPONENT` or `hotspot:KEYS%:READS%`; null for a trace.
    pub(crate) popularity: Option<String>,
    /// Null without one.
    pub(crate) trace: Option<Trace>,
    /// Reads and writes a second.
    pub(crate) rate_per_s: f64,
    /// The share of them that are writes, 0 to 1.
    pub(crate) writes_share: f64,
    /// The lifetime of entries, s; null if they do not expire.
    pub(crate) ttl_s: Option<f64>,
}

/// The counts of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Trace {
    /// Lines of the file.
    pub(crate) lines: u64,
    /// Reads in it.
    pub(crate) reads: u64,
    /// Writes in it, which remove entries.
    pub(crate) writes: u64,
    /// Commands of a MONITOR that neither read nor remove a key.
    pub(crate) skipped_lines: u64,
    /// Events that were earlier than one before them.
    pub(crate) out_of_order: u64,
    /// From its first to its last event, s.
    pub(crate) duration_s: f64,
    /// False if there were so many keys that a sample of them was simulated.
    pub(crate) exact: bool,
}

/// A memory limit, and what it leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Limit {
    /// Redis's `maxmemory`, with the policy `allkeys-lru`; null for no limit.
    pub(crate) maxmemory_bytes: Option<f64>,
    /// Entries in the cache, on average.
    pub(crate) entries: f64,
    /// Share of reads that hit, 0 to 1.
    pub(crate) hit_ratio: f64,
    /// Mean of all reads, ns.
    pub(crate) mean_read_ns: f64,
    /// Reads a second that MySQL still answers.
    pub(crate) mysql_reads_per_s: f64,
    /// Whether reads are faster than without a cache, on average: `yes`, `no` or `undecided`.
    pub(crate) pays: String,
    /// Hits that are lost for want of room, as a share of all reads.
    pub(crate) lost_to_memory: f64,
    /// An entry that is not read for so long is thrown out, s; null without a limit, and for a
    /// trace.
    pub(crate) evicted_if_unread_s: Option<f64>,
}

/// The lost hits, as shares of all reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Losses {
    /// The first read of each key of a trace; 0 in a steady state.
    pub(crate) first_reads: f64,
    /// Writes remove entries.
    pub(crate) writes: f64,
    /// Entries expire.
    pub(crate) expiry: f64,
}

/// The needs of a hit ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Target {
    /// The share of reads that is to hit, 0 to 1.
    pub(crate) hit_ratio: f64,
    /// The smallest `maxmemory` that leads to it; null if none does.
    pub(crate) maxmemory_bytes: Option<f64>,
    /// Entries that this has room for; null as above.
    pub(crate) entries: Option<f64>,
}
