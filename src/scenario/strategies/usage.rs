//! Counts what the clients of an arm do with Redis, with the library and without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Strategy;
use crate::cache::{Cache, Stats};
use crate::samples::cache_use::CacheUse;

/// Counts of the clients that use Redis without the library.
#[derive(Debug, Default)]
pub(crate) struct AppCounts {
    pub(super) hits: Count,
    pub(super) fills: Count,
    pub(super) redis_errors: Count,
    pub(super) locks: Count,
    pub(super) second_deletes: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of an arm.
pub(crate) struct Usage {
    strategy: Strategy,
    caches: Vec<Cache>,
    counts: Arc<AppCounts>,
    remembers_missing: bool,
}

impl Usage {
    pub(super) fn new(
        strategy: Strategy,
        caches: Vec<Cache>,
        counts: &Arc<AppCounts>,
        remembers_missing: bool,
    ) -> Self {
        Self { strategy, caches, counts: Arc::clone(counts), remembers_missing }
    }

    /// The library's caches, one for each process; none where the arm does not use the library.
    pub(crate) fn caches(&self) -> &[Cache] {
        &self.caches
    }

    /// The counts so far; none in the arm without a cache. `asks_missing`: the clients also ask for
    /// rows that do not exist.
    pub(crate) fn seen(&self, asks_missing: bool) -> Option<CacheUse> {
        match self.strategy {
            Strategy::Mysql => None,
            Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly => {
                let remembers = self.remembers_missing && asks_missing;
                Some(self.caches.iter().map(Cache::stats).fold(of_library(remembers), with))
            }
            Strategy::Naive | Strategy::NaiveDoubleDelete | Strategy::NaiveJitter | Strategy::Lock => {
                Some(self.of_application())
            }
        }
    }

    fn of_application(&self) -> CacheUse {
        let counts = &self.counts;
        CacheUse {
            hits: counts.hits.get(),
            fills: counts.fills.get(),
            redis_errors: counts.redis_errors.get(),
            locks: (self.strategy == Strategy::Lock).then(|| counts.locks.get()),
            second_deletes: (self.strategy == Strategy::NaiveDoubleDelete)
                .then(|| counts.second_deletes.get()),
            ..CacheUse::default()
        }
    }
}

fn of_library(remembers_missing: bool) -> CacheUse {
    CacheUse { known_missing: remembers_missing.then_some(0), ..CacheUse::default() }
}

fn with(sum: CacheUse, stats: Stats) -> CacheUse {
    CacheUse {
        hits: sum.hits + stats.hits + stats.negative,
        fills: sum.fills + stats.fills,
        redis_errors: sum.redis_errors + stats.redis_errors,
        bypasses: sum.bypasses + stats.bypasses,
        breaker_opened: sum.breaker_opened + stats.breaker_opened,
        known_missing: sum.known_missing.map(|missing| missing + stats.negative),
        ..sum
    }
}
