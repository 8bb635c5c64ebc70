//! The results of clients, operation by operation: as a whole, and second by second. Memory does
//! not grow with their number.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::worker::{Failure, Verdict};
use crate::samples::latencies::{Latencies, MAX_NS};

/// One operation that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) due_ns: u64,
    pub(super) taken_ns: u64,
    pub(super) done_ns: u64,
    pub(super) kind: DoneKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoneKind {
    Hit,
    /// A read that asked the database.
    Load,
    Write,
}

/// Everything of one trial.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// From when an operation was due.
    pub(crate) response: Latencies,
    /// From when a client took it.
    pub(crate) service: Latencies,
    /// The delay with which a client woke that had slept until an operation was due.
    pub(crate) waking: Latencies,
    /// Service times.
    pub(crate) hits: Sum,
    pub(crate) loads: Sum,
    pub(crate) writes: Sum,
    /// The time for which operations waited for a free client, ns.
    pub(crate) waiting_ns: u128,
    /// By kind: `mysql` or `redis`.
    pub(crate) failed: BTreeMap<&'static str, u64>,
    pub(crate) first_error: Option<String>,
    pub(crate) wrong_reads: u64,
    /// Answers of a query that MySQL gave at another time.
    pub(crate) changed_reads: u64,
    pub(crate) stale_reads: u64,
    pub(crate) stale_ages: Latencies,
    pub(crate) seconds: Vec<Second>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) ns: u128,
}

impl Sum {
    fn add(&mut self, ns: u64) {
        self.count += 1;
        self.ns += u128::from(ns);
    }

    pub(crate) fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.ns as f64 / self.count as f64)
    }
}

/// The operations that were due in one second; in a closed loop those that began in it.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) hits: u64,
    pub(crate) loads: u64,
    pub(crate) stale: u64,
    pub(crate) response_ns: u128,
    /// Two values that differ by a sixteenth stay apart.
    pub(crate) histogram: Histogram<u32>,
}

impl Second {
    fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that HdrHistogram allows")]
        let histogram = Histogram::new_with_bounds(1, MAX_NS, 1).expect("valid bounds");
        Self { done: 0, failed: 0, hits: 0, loads: 0, stale: 0, response_ns: 0, histogram }
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            response: Latencies::new(),
            service: Latencies::new(),
            waking: Latencies::new(),
            hits: Sum::default(),
            loads: Sum::default(),
            writes: Sum::default(),
            waiting_ns: 0,
            failed: BTreeMap::new(),
            first_error: None,
            wrong_reads: 0,
            changed_reads: 0,
            stale_reads: 0,
            stale_ages: Latencies::new(),
            seconds: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, done: Done) {
        let response_ns = done.done_ns.saturating_sub(done.due_ns);
        let service_ns = done.done_ns.saturating_sub(done.taken_ns);
        self.response.record(response_ns);
        self.service.record(service_ns);
        match done.kind {
            DoneKind::Hit => self.hits.add(service_ns),
            DoneKind::Load => self.loads.add(service_ns),
            DoneKind::Write => self.writes.add(service_ns),
        }
        let second = self.second(done.due_ns);
        second.done += 1;
        second.hits += u64::from(done.kind == DoneKind::Hit);
        second.loads += u64::from(done.kind == DoneKind::Load);
        second.response_ns += u128::from(response_ns);
        second.histogram.saturating_record(response_ns.clamp(1, MAX_NS));
    }

    /// An operation that waited for a client, whatever came of it.
    pub(super) fn add_waiting(&mut self, ns: u64) {
        self.waiting_ns += u128::from(ns);
    }

    pub(super) fn add_waking(&mut self, late_ns: u64) {
        self.waking.record(late_ns);
    }

    pub(super) fn add_failure(&mut self, due_ns: u64, failure: Failure) {
        *self.failed.entry(failure.kind).or_default() += 1;
        self.first_error.get_or_insert(failure.words);
        self.second(due_ns).failed += 1;
    }

    /// The outcome of comparing the answer to an operation that was due then.
    pub(super) fn add_verdict(&mut self, due_ns: u64, verdict: Verdict) {
        match verdict {
            Verdict::Right => {}
            Verdict::Wrong => self.wrong_reads += 1,
            Verdict::Changed => self.changed_reads += 1,
            Verdict::Stale(age) => self.add_stale(due_ns, age),
        }
    }

    fn add_stale(&mut self, due_ns: u64, age: Duration) {
        self.stale_reads += 1;
        self.stale_ages.record(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        self.second(due_ns).stale += 1;
    }

    /// Operations that were answered.
    pub(crate) fn done(&self) -> u64 {
        self.response.count()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    pub(crate) fn reads(&self) -> u64 {
        self.hits.count + self.loads.count
    }

    fn second(&mut self, due_ns: u64) -> &mut Second {
        /// A day: no trial lasts longer.
        const MOST: usize = 86_400;
        let index = usize::try_from(due_ns / 1_000_000_000).unwrap_or(MOST).min(MOST);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::new);
        }
        &mut self.seconds[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_belongs_to_the_second_in_which_it_was_due() {
        let mut tally = Tally::new();
        let done = |due_s: u64, kind| Done {
            due_ns: due_s * 1_000_000_000,
            taken_ns: due_s * 1_000_000_000 + 2_000,
            done_ns: due_s * 1_000_000_000 + 5_000,
            kind,
        };
        tally.add(done(0, DoneKind::Hit));
        tally.add(done(2, DoneKind::Load));
        tally.add(done(2, DoneKind::Write));
        tally.add_failure(1_500_000_000, Failure { kind: Failure::MYSQL, words: "gone".to_owned() });
        tally.add_verdict(2_000_000_000, Verdict::Stale(Duration::from_millis(3)));
        let seen: Vec<_> = tally
            .seconds
            .iter()
            .map(|second| (second.done, second.hits, second.loads, second.failed))
            .collect();
        assert_eq!(seen, [(1, 1, 0, 0), (0, 0, 0, 1), (2, 0, 1, 0)]);
        assert_eq!((tally.done(), tally.failures(), tally.reads()), (3, 1, 2));
        assert_eq!((tally.seconds[2].stale, tally.stale_ages.max_ns()), (1, Some(3_000_000)));
        assert_eq!(tally.response.mean_ns(), Some(5_000.0));
        assert_eq!((tally.service.mean_ns(), tally.hits.mean_ns()), (Some(3_000.0), Some(3_000.0)));
    }
}
