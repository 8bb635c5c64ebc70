//! Latencies as they are taken: a bounded histogram and exact sums, whatever the number of samples.

use hdrhistogram::Histogram;

/// One hour: nothing that is measured here should take longer, and what does is counted as
/// saturated.
pub(crate) const MAX_NS: u64 = 3_600_000_000_000;
/// Two values that differ in the third digit stay apart.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Samples of one latency. Memory does not grow with their number.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
    saturated: u64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that HdrHistogram allows")]
        let histogram = Histogram::new_with_bounds(1, MAX_NS, SIGNIFICANT_DIGITS).expect("valid bounds");
        Self { histogram, sum_ns: 0, min_ns: u64::MAX, max_ns: 0, saturated: 0 }
    }

    /// Adds a sample. What exceeds the histogram is recorded at its end and counted as saturated;
    /// sum, minimum and maximum stay exact.
    pub(crate) fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns.clamp(1, MAX_NS));
        self.sum_ns += u128::from(ns);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.saturated += u64::from(ns > MAX_NS);
    }

    /// Adds all samples of another recorder.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so nothing can fall outside.
        let _ = self.histogram.add(&other.histogram);
        self.sum_ns += other.sum_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.saturated += other.saturated;
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The mean of the exact sum; none without samples.
    pub(crate) fn mean_ns(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64)
    }

    pub(crate) fn min_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.min_ns)
    }

    pub(crate) fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    pub(crate) fn saturated(&self) -> u64 {
        self.saturated
    }

    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_the_end_saturates() {
        let mut latencies = Latencies::new();
        assert_eq!((latencies.mean_ns(), latencies.min_ns(), latencies.max_ns()), (None, None, None));
        for ns in [1_000_001, 3, MAX_NS + 7] {
            latencies.record(ns);
        }
        let mut twice = latencies.clone();
        twice.merge(&latencies);
        assert_eq!(twice.count(), 6);
        assert_eq!(twice.saturated(), 2);
        assert_eq!((twice.min_ns(), twice.max_ns()), (Some(3), Some(MAX_NS + 7)));
        assert_eq!(twice.mean_ns(), latencies.mean_ns());
    }
}
