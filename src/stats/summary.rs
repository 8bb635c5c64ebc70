//! What a latency's samples say, and what they are too few to say.

use crate::sample::Latencies;

/// The percentiles that are reported, under the names of the run file.
pub(crate) const PERCENTILES: [(&str, f64); 5] =
    [("50", 50.0), ("90", 90.0), ("95", 95.0), ("99", 99.0), ("99.9", 99.9)];
/// A percentile is withheld where fewer samples than this lie above it.
const SAMPLES_ABOVE: f64 = 10.0;

/// One latency, summed up. What cannot be said is absent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) operations: u64,
    pub(crate) mean_ns: Option<f64>,
    pub(crate) min_ns: Option<u64>,
    pub(crate) max_ns: Option<u64>,
    pub(crate) saturated: u64,
    /// In the order of [`PERCENTILES`].
    pub(crate) percentiles_ns: [Option<u64>; PERCENTILES.len()],
}

impl Summary {
    pub(crate) fn of(latencies: &Latencies) -> Self {
        Self {
            operations: latencies.count(),
            mean_ns: latencies.mean_ns(),
            min_ns: latencies.min_ns(),
            max_ns: latencies.max_ns(),
            saturated: latencies.saturated(),
            percentiles_ns: PERCENTILES.map(|(_, percentile)| percentile_ns(latencies, percentile)),
        }
    }
}

fn percentile_ns(latencies: &Latencies, percentile: f64) -> Option<u64> {
    (latencies.count() >= samples_needed(percentile))
        .then(|| latencies.histogram().value_at_percentile(percentile))
}

/// How many samples a percentile needs: p99 1,000, p99.9 10,000.
pub(crate) fn samples_needed(percentile: f64) -> u64 {
    crate::units::whole(SAMPLES_ABOVE * 100.0 / (100.0 - percentile))
}

/// Operations per second over the time that they ran; none without time or operations.
pub(crate) fn throughput_per_s(operations: u64, busy_ns: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
    (operations > 0 && busy_ns > 0).then(|| operations as f64 / (busy_ns as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(count: u64) -> Summary {
        let mut latencies = Latencies::new();
        (1..=count).for_each(|sample| latencies.record(sample * 1_000));
        Summary::of(&latencies)
    }

    #[test]
    fn a_percentile_needs_ten_samples_above_it() {
        assert_eq!(
            PERCENTILES.map(|(_, percentile)| samples_needed(percentile)),
            [20, 100, 200, 1_000, 10_000]
        );
        assert_eq!(summary(0).percentiles_ns, [None; 5]);
        assert_eq!(summary(19).percentiles_ns, [None; 5]);
        let hundred = summary(100).percentiles_ns.map(|value| value.is_some());
        assert_eq!(hundred, [true, true, false, false, false]);
        assert!(summary(10_000).percentiles_ns.iter().all(Option::is_some));
    }

    #[test]
    fn without_samples_nothing_is_said() {
        let empty = summary(0);
        assert_eq!((empty.mean_ns, empty.min_ns, empty.max_ns), (None, None, None));
        assert_eq!(throughput_per_s(0, 5), None);
        assert_eq!(throughput_per_s(5, 0), None);
        assert_eq!(throughput_per_s(500, 2_000_000_000), Some(250.0));
    }
}
