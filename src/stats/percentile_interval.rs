//! The interval of a percentile, read off the histogram by order statistics.

use hdrhistogram::Histogram;
use statrs::distribution::{Binomial, DiscreteCDF};

use super::estimate::Interval;
use crate::units::whole;

/// The 95 % interval of a percentile: of n independent samples the number below the true percentile
/// is binomial, so that the order statistics at its 2.5 % and 97.5 % quantiles enclose it whatever
/// the distribution (Hahn and Meeker, Statistical Intervals, 1991, section 5.2). Samples that share
/// their round's luck count as `effective_samples`; ranks are worked out among those and looked
/// up at the same place among all samples.
///
/// None where a rank would lie outside the samples: they cannot carry the percentile.
pub(crate) fn percentile_interval(
    histogram: &Histogram<u64>,
    percentile: f64,
    effective_samples: f64,
) -> Option<Interval> {
    let samples = whole(effective_samples.floor()).min(histogram.len());
    let (low, high) = ranks(samples, percentile / 100.0)?;
    let place = |rank: u64| rank as f64 / samples as f64;
    let low = histogram.lowest_equivalent(histogram.value_at_quantile(place(low)));
    let high = histogram.value_at_quantile(place(high));
    Interval::new(low as f64, high as f64)
}

/// Ranks, counted from 1, of the order statistics that enclose a quantile with at least 95 %
/// certainty.
pub(super) fn ranks(samples: u64, probability: f64) -> Option<(u64, u64)> {
    let below = Binomial::new(probability, samples).ok()?;
    let (low, high) = (below.inverse_cdf(0.025), below.inverse_cdf(0.975) + 1);
    (low >= 1 && high <= samples).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::latencies::Latencies;
    use crate::stats::simulation::Noise;

    #[test]
    fn ranks_agree_with_the_tables() {
        // The usual tables for the median; the last from the binomial distribution of 1,000
        // samples.
        assert_eq!(ranks(100, 0.5), Some((40, 61)));
        assert_eq!(ranks(10, 0.5), Some((2, 9)));
        assert_eq!(ranks(1_000, 0.99), Some((983, 997)));
    }

    #[test]
    fn too_few_samples_carry_nothing() {
        assert_eq!(ranks(0, 0.5), None);
        assert_eq!(ranks(5, 0.5), None);
        assert_eq!(ranks(100, 0.99), None);
        let latencies = Latencies::new();
        assert_eq!(percentile_interval(latencies.histogram(), 50.0, f64::NAN), None);
    }

    #[test]
    fn fewer_effective_samples_give_a_wider_interval() {
        let mut latencies = Latencies::new();
        (1..=1_000).for_each(|ns| latencies.record(ns));
        let all = percentile_interval(latencies.histogram(), 50.0, 1e9).unwrap();
        assert_eq!(all, Interval { low: 469.0, high: 532.0 });
        let quarter = percentile_interval(latencies.histogram(), 50.0, 250.0).unwrap();
        assert!(quarter.low < all.low && quarter.high > all.high);
    }

    #[test]
    fn the_truth_is_covered() {
        // p90 of an exponential distribution; discreteness and the histogram's bins make the
        // interval conservative.
        let truth = 1e6 * 10f64.ln();
        let holds = |seed: u64| {
            let (mut noise, mut latencies) = (Noise::new(seed), Latencies::new());
            (0..200).for_each(|_| latencies.record(whole(-1e6 * noise.uniform().ln())));
            percentile_interval(latencies.histogram(), 90.0, 200.0).unwrap().contains(truth)
        };
        let covered = (0..500).filter(|seed| holds(*seed)).count();
        assert!((465..=490).contains(&covered), "{covered} of 500");
    }
}
