//! The document of an experiment: what `rcache scenario --format json` prints and the page is made from. Its types are its
//! own, so that the program can change inside without changing the contract.

mod build;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run_file::Environment;

/// What `format` says in every document.
pub(crate) const FORMAT: &str = "rcache-scenario";
/// What `format` says in what `scenario all` prints: several documents.
pub(crate) const FORMAT_OF_SEVERAL: &str = "rcache-scenarios";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// One experiment, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    /// Always `rcache-scenario`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what you do not know.
    pub(crate) format_version: u32,
    /// The rcache that ran the experiment, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// The name on the command line.
    pub(crate) scenario: String,
    /// False if an arm did not do what it is there for, or the harm did not appear in the arm that must show it: then
    /// nothing follows from the rest.
    pub(crate) valid: bool,
    /// True where an arm of the library did what it promises not to do.
    pub(crate) broken: bool,
    /// Why the experiment is not valid, or what was broken.
    pub(crate) reason: Option<String>,
    /// True where Ctrl-C ended it early: every number then covers what happened until then.
    pub(crate) interrupted: bool,
    /// When the experiment began: RFC 3339, UTC.
    pub(crate) started_at: String,
    /// How long it took, s.
    pub(crate) wall_s: f64,
    /// The machine that rcache ran on, and the two servers.
    pub(crate) environment: Environment,
    /// Everything that changes a number, and no secret.
    pub(crate) config: BTreeMap<String, u64>,
    /// The ways of caching, in the order in which they ran.
    pub(crate) arms: Vec<Arm>,
    /// What spoils or qualifies the numbers.
    pub(crate) warnings: Vec<crate::run_file::Warning>,
}

/// What makes a document, beside what the experiment found.
pub(crate) struct Head {
    pub(crate) scenario: String,
    pub(crate) interrupted: bool,
    pub(crate) started_at: String,
    pub(crate) wall_s: f64,
    pub(crate) environment: Environment,
    pub(crate) config: Vec<(&'static str, u64)>,
    pub(crate) warnings: Vec<crate::run_file::Warning>,
}

/// One way of caching. What a scenario does not count is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Arm {
    /// Its name, such as `naive` or `lease`.
    pub(crate) arm: String,
    /// Reads that were answered, rightly or wrongly.
    pub(crate) reads: u64,
    /// Reads that were not.
    pub(crate) failed_reads: u64,
    /// Answers that were never in the database under that id.
    pub(crate) wrong_reads: u64,
    /// How often the arm asked the database for a row.
    pub(crate) database_loads: u64,
    /// Writes that returned.
    pub(crate) writes: u64,
    /// Writes that did not.
    pub(crate) failed_writes: u64,
    /// Reads answered from Redis; null in an arm without a cache.
    pub(crate) cache_hits: Option<u64>,
    /// Values stored in Redis; null as above.
    pub(crate) cache_fills: Option<u64>,
    /// Commands that Redis refused or did not answer in time; null as above.
    pub(crate) redis_errors: Option<u64>,
    /// The first read or write that failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_error: Option<String>,
    #[serde(flatten)]
    pub(crate) stale: Option<Stale>,
    #[serde(flatten)]
    pub(crate) stampede: Option<Stampede>,
    #[serde(flatten)]
    pub(crate) outage: Option<Outage>,
    #[serde(flatten)]
    pub(crate) avalanche: Option<Avalanche>,
    #[serde(flatten)]
    pub(crate) penetration: Option<Penetration>,
    #[serde(flatten)]
    pub(crate) corrupt: Option<Corrupt>,
    #[serde(flatten)]
    pub(crate) metastable: Option<Metastable>,
}

/// What `stale` counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Stale {
    /// Reads that returned a version older than one whose write had returned before the read began.
    pub(crate) stale_reads: u64,
    /// The share of reads that were stale; where none was, null, and the bound below says what that is worth.
    pub(crate) stale_share: Option<f64>,
    /// Where no read was stale: 3/N, which the true share lies below with 95 % certainty.
    pub(crate) stale_share_below: Option<f64>,
    /// How long before a stale read began the write had returned that it missed; null where none was stale.
    pub(crate) stale_age_ms: Option<Spread>,
    /// Cached values that differ from the committed row when all is over.
    pub(crate) stale_keys_when_quiet: u64,
    /// Those of them that miss a write that had returned; the others miss what a writer committed that then died.
    pub(crate) stale_keys_that_miss_a_returned_write: u64,
    /// Reads that returned an older version than the same reader had seen of the same row before.
    pub(crate) non_monotonic_reads: u64,
    /// Writers that died after their COMMIT.
    pub(crate) dead_writers: u64,
}

/// What `stampede` counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Stampede {
    /// How often the value was gone, or about to go, and was loaded anew.
    pub(crate) expiries: u64,
    /// Loads for one of them, on average; null where nothing was loaded.
    pub(crate) loads_per_expiry: Option<f64>,
    /// The most loads for one of them.
    pub(crate) most_loads_in_an_expiry: u64,
    /// Reads that took `waited_from_ms` or longer: they have loaded, or have waited for a load. What is loaded behind the
    /// readers' backs is no read.
    pub(crate) waited_reads: u64,
    /// How long these took; null where none did.
    pub(crate) wait_ms: Option<Spread>,
    /// Loads ahead of the expiry; null where the arm does not use the library.
    pub(crate) early_refreshes: Option<u64>,
    /// The library's reads that found no value, and those that waited for somebody else's load; one may be both, and without
    /// any no reader waited; null as above.
    pub(crate) found_nothing: Option<u64>,
    /// The library's loads that fill nothing: Redis did not answer, or waiting took too long; null as above.
    pub(crate) excused_loads: Option<u64>,
}

/// What `corrupt` counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Corrupt {
    /// How often cached values were damaged, by kind: `flipped`, `truncated`, `swapped`, `other_type`, `foreign`.
    pub(crate) damage: BTreeMap<String, u64>,
    /// Reads of the library that met a damaged value and took it for a miss; several may meet the same one before it is
    /// removed. Null in arms without the library.
    pub(crate) corrupt: Option<u64>,
    /// Rows that could not be read, or not rightly, once the damage was over.
    pub(crate) unusable_when_quiet: u64,
}

/// What `outage` counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Outage {
    /// `before`, `stopped`, `continued`, `killed`, `restarted`, in this order.
    pub(crate) phases: Vec<Phase>,
    /// How soon hits flow again.
    pub(crate) recovery_ms: Recovery,
}

/// What readers got in one phase of an outage; a read belongs to the phase in which it began, or to the outage
/// that it met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Phase {
    /// Its name.
    pub(crate) phase: String,
    /// Reads that were answered.
    pub(crate) reads: u64,
    /// Reads that were not.
    pub(crate) failed_reads: u64,
    /// Reads that were answered without a load.
    pub(crate) hits: u64,
    /// How often the database was asked.
    pub(crate) database_loads: u64,
    /// Until there was an answer, or an error; null where nothing was read.
    pub(crate) latency_ms: Option<Spread>,
    /// The same of reads past the cache, which the same clients made in between and which are in no other count: what a read
    /// costs without a cache, in the same moments.
    pub(crate) past_the_cache_ms: Option<Spread>,
}

/// How long after Redis' return every client had a hit again; null where that did not happen in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Recovery {
    /// After it was stopped and continued.
    pub(crate) continued: Option<f64>,
    /// After it was killed and restarted.
    pub(crate) restarted: Option<f64>,
}

/// What `avalanche` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Avalanche {
    /// The most loads that began within `window_ms`.
    pub(crate) peak_loads: u64,
    /// How long it took until all but the first and the last twentieth of the loads had begun; null without loads.
    pub(crate) nine_tenths_of_loads_ms: Option<f64>,
}

/// What `metastable` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Metastable {
    /// Reads answered a second before the flush.
    pub(crate) answered_before_per_s: f64,
    /// Reads answered a second in the last second.
    pub(crate) answered_at_the_end_per_s: f64,
    /// How long after the flush 80 % as many reads as before were answered, for half a second; null if that did not happen.
    pub(crate) recovery_after_flush_ms: Option<f64>,
}

/// What `penetration` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Penetration {
    /// Reads of rows that do not exist that were answered.
    pub(crate) missing_reads: u64,
    /// How often the database was asked for such a row.
    pub(crate) missing_loads: u64,
}

/// A distribution in ms; a percentile is null where fewer than ten samples lie above it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Spread {
    /// The median.
    pub(crate) p50: Option<f64>,
    /// The 99th percentile.
    pub(crate) p99: Option<f64>,
    /// The largest.
    pub(crate) max: f64,
}
