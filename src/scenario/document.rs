//! The document of an experiment: `rcache scenario --format json` prints it, and the page is made
//! from it. The counts of a single scenario are in the file of that scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Found;
use crate::run_file::Environment;
use crate::samples::cache_use::CacheUse;
use crate::samples::latencies::Latencies;
use crate::stats::summary::Summary;

/// The value of `format` in every document.
pub(crate) const FORMAT: &str = "rcache-scenario";
/// The value of `format` in the output of `scenario all`: several documents.
pub(crate) const FORMAT_OF_SEVERAL: &str = "rcache-scenarios";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// The reason of an interrupted run begins so.
pub(crate) const INTERRUPTED: &str = "it was interrupted";

/// One experiment, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    /// Always `rcache-scenario`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that ran the experiment, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// The name on the command line.
    pub(crate) scenario: String,
    /// False if the run was interrupted, an arm did not do its work, or the harm did not appear in
    /// the arm that must show it: then nothing follows from the rest.
    pub(crate) valid: bool,
    /// True where an arm of the library did what it promises not to do.
    pub(crate) broken: bool,
    /// Why the experiment is not valid, or what was broken.
    pub(crate) reason: Option<String>,
    /// True where Ctrl-C ended it early: every number then covers what happened until then.
    pub(crate) interrupted: bool,
    /// When the experiment began: RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The duration, s.
    pub(crate) wall_s: f64,
    /// The machine that rcache ran on, and the two servers.
    pub(crate) environment: Environment,
    /// Everything that changes a number, and no secret.
    pub(crate) config: BTreeMap<String, u64>,
    /// The ways of caching, in the order in which they ran.
    pub(crate) arms: Vec<Arm>,
    /// Facts that spoil or qualify the numbers.
    pub(crate) warnings: Vec<crate::run_file::Warning>,
}

/// The parts of a document that the scenario does not know.
pub(crate) struct Head {
    pub(crate) scenario: String,
    pub(crate) interrupted: bool,
    pub(crate) started_at: String,
    pub(crate) wall_s: f64,
    pub(crate) environment: Environment,
    pub(crate) config: Vec<(&'static str, u64)>,
    pub(crate) warnings: Vec<crate::run_file::Warning>,
}

/// The output of `scenario all`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Experiments {
    /// Always `rcache-scenarios`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore those
    /// that you do not know.
    pub(crate) format_version: u32,
    /// One document for each scenario that ran.
    pub(crate) experiments: Vec<Document>,
}

impl Experiments {
    pub(crate) fn new(experiments: Vec<Document>) -> Self {
        Self { format: FORMAT_OF_SEVERAL.to_owned(), format_version: FORMAT_VERSION, experiments }
    }
}

impl Document {
    pub(crate) fn new(head: Head, verdict: Verdict, arms: Vec<Arm>) -> Self {
        let (valid, broken, reason) = verdict.into_fields();
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: head.scenario,
            valid,
            broken,
            reason,
            interrupted: head.interrupted,
            started_at: head.started_at,
            wall_s: head.wall_s,
            environment: head.environment,
            config: head.config.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            arms,
            warnings: head.warnings,
        }
    }
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
    /// The number of times that the arm asked the database for a row.
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
    #[cfg_attr(test, schemars(skip))]
    pub(crate) found: Found,
    /// For the verdict; in no document.
    #[serde(skip)]
    #[cfg_attr(test, schemars(skip))]
    pub(crate) evidence: Evidence,
}

/// Counts by which an arm is judged and that nobody reads afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evidence {
    /// The failed reads that failed in MySQL.
    pub(crate) failed_by_database: u64,
    /// The work of the cache; none in an arm without one.
    pub(crate) cache: Option<CacheUse>,
    /// The reason why Redis does not do what the arm needs, if the arm did not do its work.
    pub(crate) obstacle: Option<String>,
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

impl Spread {
    /// None without samples.
    pub(crate) fn of(latencies: &Latencies) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
        let ms = |ns: u64| ns as f64 / 1e6;
        let summary = Summary::of(latencies);
        let [p50, _, _, p99, _] = summary.percentiles_ns.map(|ns| ns.map(ms));
        summary.max_ns.map(|max| Self { p50, p99, max: ms(max) })
    }
}

/// A part of a whole; none of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The verdict on an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The harm was there without the cure, and not with it.
    Shown,
    /// The library did not keep a promise: the counts that show it.
    Broken(String),
    /// The harm did not appear in the arm that must show it, so nothing follows from its absence
    /// elsewhere: the reason.
    ProvesNothing(String),
    /// It was stopped before every arm was over: in which arm.
    Interrupted(String),
}

impl Verdict {
    /// `valid`, `broken` and `reason` of a document.
    pub(crate) fn into_fields(self) -> (bool, bool, Option<String>) {
        match self {
            Self::Shown => (true, false, None),
            Self::Broken(reason) => (true, true, Some(reason)),
            Self::ProvesNothing(reason) | Self::Interrupted(reason) => (false, false, Some(reason)),
        }
    }
}
