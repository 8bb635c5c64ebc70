//! What spoils or qualifies the numbers: each with its cause and what to do.

use std::fmt;

use crate::cli::{ReadPath, Workload};
use crate::measure::WorkloadSamples;

/// One reason to distrust a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    DebugBuild,
    /// Reads in cold blocks that found an entry.
    UnexpectedHits {
        workload: &'static str,
        hits: u64,
    },
    /// Reads in warm blocks that found none.
    UnexpectedMisses {
        workload: &'static str,
        misses: u64,
    },
    Saturated {
        workload: &'static str,
        path: &'static str,
        samples: u64,
    },
    Evictions {
        keys: u64,
    },
    QueryCacheOn,
    RedisPersistence {
        settings: String,
    },
    UnlikeTransports {
        mysql: String,
        redis: String,
    },
}

impl Warning {
    /// The stable name in the run file.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::DebugBuild => "debug_build",
            Self::UnexpectedHits { .. } => "unexpected_hits",
            Self::UnexpectedMisses { .. } => "unexpected_misses",
            Self::Saturated { .. } => "saturated_samples",
            Self::Evictions { .. } => "evictions",
            Self::QueryCacheOn => "query_cache_on",
            Self::RedisPersistence { .. } => "redis_persistence",
            Self::UnlikeTransports { .. } => "unlike_transports",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DebugBuild => write!(
                f,
                "this rcache was built without optimisation, and its own work counts in every number; measure with \
                 cargo build --release"
            ),
            Self::UnexpectedHits { workload, hits } => write!(
                f,
                "{hits} reads of {workload} that should have missed found an entry, and count as warm; does another \
                 program use the namespace? Choose another --namespace"
            ),
            Self::UnexpectedMisses { workload, misses } => write!(
                f,
                "{misses} reads of {workload} that should have hit found no entry, and count as cold; do entries expire \
                 (raise --ttl) or does Redis evict them (raise maxmemory)?"
            ),
            Self::Saturated { workload, path, samples } => write!(
                f,
                "{samples} reads of {workload} by path {path} took more than an hour; the histogram counts them as one \
                 hour, mean and max are exact"
            ),
            Self::Evictions { keys } => write!(
                f,
                "Redis evicted {keys} keys during the run, of rcache or of others; raise its maxmemory, or read fewer keys"
            ),
            Self::QueryCacheOn => write!(
                f,
                "MariaDB's query cache is on: the path mysql may have been answered from memory without running the \
                 query; turn it off with SET GLOBAL query_cache_type = OFF"
            ),
            Self::RedisPersistence { settings } => write!(
                f,
                "Redis writes its data to disk ({settings}), which slows fills and can bring deleted entries back after a \
                 restart; a cache wants save \"\" and appendonly no"
            ),
            Self::UnlikeTransports { mysql, redis } => write!(
                f,
                "MySQL is reached by {mysql} and Redis by {redis}: part of the difference is the transport's; use the same \
                 kind for both"
            ),
        }
    }
}

/// What the samples of one workload give reason to say.
pub(crate) fn of_workload(workload: Workload, samples: &WorkloadSamples) -> Vec<Warning> {
    let name = workload.name();
    let mut warnings = Vec::new();
    for path in &samples.paths {
        if path.path == ReadPath::Cold && path.hits > 0 {
            warnings.push(Warning::UnexpectedHits { workload: name, hits: path.hits });
        }
        if path.path == ReadPath::Warm && path.misses > 0 {
            warnings.push(Warning::UnexpectedMisses { workload: name, misses: path.misses });
        }
        if path.latencies.saturated() > 0 {
            let samples = path.latencies.saturated();
            warnings.push(Warning::Saturated { workload: name, path: path.path.name(), samples });
        }
    }
    warnings
}
