//! The last minute, second by second, for the page.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cache_aside::Stats;
use serde::Serialize;

/// Seconds that are kept.
const KEPT: usize = 60;

/// The events of one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Since the start, s.
    pub(super) second: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) mysql_reads: u64,
    pub(super) redis_errors: u64,
    /// Reads of users, and how long they took on average; null without reads.
    pub(super) reads: u64,
    pub(super) mean_ms: Option<f64>,
    /// Whether the library leaves Redis alone.
    pub(super) breaker_open: bool,
}

/// Counts of the application beside those of the library.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) mysql_reads: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) read_ns: AtomicU64,
}

impl Counts {
    /// Counts one read of users and its time.
    pub(super) fn add_read(&self, time: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.read_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

/// The samples, and what was counted when the last one was taken.
#[derive(Default)]
pub(super) struct Live {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    samples: VecDeque<Sample>,
    before: Totals,
}

#[derive(Clone, Copy, Default)]
struct Totals {
    seconds: u64,
    hits: u64,
    misses: u64,
    redis_errors: u64,
    mysql_reads: u64,
    reads: u64,
    read_ns: u64,
}

impl Live {
    /// Takes the sample of the second that is over.
    pub(super) fn sample(&self, stats: &Stats, counts: &Counts) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.before;
        let now = Totals {
            seconds: before.seconds + 1,
            hits: stats.hits,
            misses: stats.misses,
            redis_errors: stats.redis_errors,
            mysql_reads: counts.mysql_reads.load(Ordering::Relaxed),
            reads: counts.reads.load(Ordering::Relaxed),
            read_ns: counts.read_ns.load(Ordering::Relaxed),
        };
        let (reads, ns) = (now.reads - before.reads, now.read_ns.wrapping_sub(before.read_ns));
        #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
        let mean_ms = (reads > 0).then(|| ns as f64 / reads as f64 / 1e6);
        state.samples.push_back(Sample {
            second: now.seconds,
            hits: now.hits - before.hits,
            misses: now.misses - before.misses,
            mysql_reads: now.mysql_reads - before.mysql_reads,
            redis_errors: now.redis_errors - before.redis_errors,
            reads,
            mean_ms,
            breaker_open: stats.breaker_open,
        });
        state.before = now;
        while state.samples.len() > KEPT {
            state.samples.pop_front();
        }
    }

    /// The samples after a second.
    pub(super) fn since(&self, second: u64) -> Vec<Sample> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.samples.iter().filter(|sample| sample.second > second).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_kept_and_differences_are_taken() {
        let (live, counts) = (Live::default(), Counts::default());
        for _ in 0..KEPT + 5 {
            counts.add_read(Duration::from_millis(2));
            counts.mysql_reads.fetch_add(3, Ordering::Relaxed);
            live.sample(&Stats::default(), &counts);
        }
        let samples = live.since(0);
        assert_eq!((samples.len(), samples[0].second), (KEPT, 6));
        assert!(samples.iter().all(|sample| sample.mysql_reads == 3 && sample.mean_ms == Some(2.0)));
        assert_eq!(live.since(64).len(), 1);
    }
}
