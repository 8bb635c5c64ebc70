//! The information that successive rounds lack beside independent ones.

use super::interval::student;

/// Series are looked at in ever longer batches, down to so many of them.
const FEWEST_BATCHES: usize = 10;
/// Fewer groups say too little about what varies between them.
const FEWEST_GROUPS: usize = 5;
/// A series that says no more than so many independent values carries no interval: its drift is as
/// long as itself.
const FEWEST_INDEPENDENT: f64 = 3.0;
/// By so many standard errors neighbouring batches must correlate to count as correlated, and
/// neighbouring rounds.
const COARSE_THRESHOLD: f64 = 1.2;
const THRESHOLD: f64 = 0.75;
/// Fewer batches seem to drift by chance.
const FEWEST_TO_WITHHOLD: usize = 25;

/// The effect of the correlation of successive rounds on the interval of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Inflation {
    /// By what factor the interval is wider than that of as many independent rounds.
    pub(super) width: f64,
    /// By what factor the variance of the mean is larger.
    pub(super) variance: f64,
}

/// The factor by which the interval of the mean of this series is widened; none if the series
/// drifts for as long as it lasts.
///
/// The series, which has the mean zero, is looked at round by round and in batches of 2, 4, 8 …
/// rounds, until ten batches are left, and finally in its `groups`, each over connections of its
/// own. On each scale the variance of the mean is that of the batches times their correlation time;
/// the scale that makes the widest interval counts. Long batches average the noise of single rounds
/// out, so that a slow drift below that noise shows (batch means: Schmeiser, "Batch Size Effects in
/// the Analysis of Simulation Output", Operations Research 1982); short ones are many.
pub(super) fn inflation(series: &[f64], groups: &[u32]) -> Option<Inflation> {
    let independent = variance_of_mean(series)?;
    if independent <= 0.0 {
        return Some(Inflation { width: 1.0, variance: 1.0 });
    }
    let base = half_width(independent, series.len() as f64);
    let mut inflation = Inflation { width: 1.0, variance: 1.0 };
    let mut grow = |variance: f64, effective: f64| {
        inflation.width = inflation.width.max(half_width(variance, effective) / base);
        inflation.variance = inflation.variance.max(variance / independent);
    };
    for (scale, batches) in scales(series).into_iter().enumerate() {
        let time = if scale == 0 { correlation_time(&batches) } else { time_of(&batches, COARSE_THRESHOLD) };
        if time <= 1.0 {
            // As many independent batches say no more than the rounds in them.
            continue;
        }
        let effective = batches.len() as f64 / time;
        if effective < FEWEST_INDEPENDENT && batches.len() >= FEWEST_TO_WITHHOLD {
            return None;
        }
        grow(variance_of_mean(&batches)? * time, effective.max(FEWEST_INDEPENDENT));
    }
    if let Some((variance, count)) = between_groups(series, groups) {
        grow(variance, count);
    }
    Some(inflation)
}

fn half_width(variance: f64, effective: f64) -> f64 {
    student(effective - 1.0) * variance.sqrt()
}

/// The variance of the mean of independent values with mean zero; none of fewer than two.
fn variance_of_mean(values: &[f64]) -> Option<f64> {
    let length = values.len() as f64;
    let mean = values.iter().sum::<f64>() / length;
    let energy: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let variance = energy / (length - 1.0) / length;
    variance.is_finite().then_some(variance)
}

/// The series, and its means over neighbours, centred, on ever longer scales.
fn scales(series: &[f64]) -> Vec<Vec<f64>> {
    let mut scales = vec![series.to_vec()];
    let mut count = series.len() / 2;
    while count >= FEWEST_BATCHES {
        let end = |batch: usize| series.len() * batch / count;
        let sum = |batch: usize| series.get(end(batch)..end(batch + 1)).map_or(0.0, |part| part.iter().sum());
        // Batches that differ by one value are all taken as one length: the sums then add up to
        // that of the series.
        let length = series.len() as f64 / count as f64;
        scales.push((0..count).map(|batch| sum(batch) / length).collect());
        count /= 2;
    }
    scales
}

/// The variance of the mean as the sums of the groups show it, and their number; none if they are
/// too few.
fn between_groups(series: &[f64], groups: &[u32]) -> Option<(f64, f64)> {
    let mut sums: Vec<f64> = Vec::new();
    let mut start = 0;
    for group in groups.chunk_by(|one, other| one == other) {
        sums.push(series.get(start..start + group.len())?.iter().sum());
        start += group.len();
    }
    let count = sums.len() as f64;
    let energy: f64 = sums.iter().map(|sum| sum * sum).sum();
    let variance = energy * count / (count - 1.0) / (series.len() as f64).powi(2);
    (sums.len() >= FEWEST_GROUPS && variance.is_finite()).then_some((variance, count))
}

/// The integrated autocorrelation time of a series with mean zero: as many rounds as this say as
/// much as one independent round. 1 where the rounds do not correlate, which is what most runs
/// give.
///
/// Rounds count as correlated only if the first autocorrelation exceeds three quarters of its
/// standard error under independence, 1/sqrt(n) (Bartlett 1946): without this test the noise of the
/// estimate would widen every interval, and with a stricter one the intervals of 30 correlated
/// rounds cover 1 % less. Then it is the larger of Geyer's initial monotone positive sequence
/// ("Practical Markov Chain Monte Carlo", Statistical Science 1992), which sees slow waves, and
/// `(1 + r) / (1 - r)` of a first-order autoregression with its bias taken out
/// (`r + (1 + 3r)/n`, Kendall 1954), which sees short memory in few rounds.
pub(super) fn correlation_time(series: &[f64]) -> f64 {
    time_of(series, THRESHOLD)
}

/// Like [`correlation_time`], with another number of standard errors.
fn time_of(series: &[f64], threshold: f64) -> f64 {
    let length = series.len() as f64;
    let energy: f64 = series.iter().map(|value| value * value).sum();
    if series.len() < 4 || !(energy > 0.0 && energy.is_finite()) {
        return 1.0;
    }
    let correlation = |lag: usize| -> f64 {
        let products = series.iter().zip(series.iter().skip(lag)).map(|(one, other)| one * other);
        products.sum::<f64>() / energy
    };
    let first = correlation(1);
    if first <= threshold / length.sqrt() {
        return 1.0;
    }
    // A time longer than the series would say that it holds less than one independent round.
    initial_positive_sequence(correlation, series.len()).max(autoregressive(first, length)).clamp(1.0, length)
}

fn initial_positive_sequence(correlation: impl Fn(usize) -> f64, length: usize) -> f64 {
    let (mut sum, mut before) = (0.0, f64::INFINITY);
    for lag in (0..length - 1).step_by(2) {
        let pair = (correlation(lag) + correlation(lag + 1)).min(before);
        if pair <= 0.0 {
            break;
        }
        sum += pair;
        before = pair;
    }
    2.0 * sum - 1.0
}

fn autoregressive(first: f64, length: f64) -> f64 {
    let unbiased = (first + (1.0 + 3.0 * first) / length).min(0.97);
    (1.0 + unbiased) / (1.0 - unbiased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Noise;

    fn autoregression(length: usize, coefficient: f64, rng_seed: u64) -> Vec<f64> {
        let mut noise = Noise::new(rng_seed);
        let mut value = noise.normal();
        let mut next = || {
            value = coefficient * value + (1.0 - coefficient * coefficient).sqrt() * noise.normal();
            value
        };
        let series: Vec<f64> = (0..length).map(|_| next()).collect();
        let mean = series.iter().sum::<f64>() / length as f64;
        series.iter().map(|value| value - mean).collect()
    }

    #[test]
    fn nothing_to_say_means_one() {
        assert_eq!(correlation_time(&[]), 1.0);
        assert_eq!(correlation_time(&[0.0; 50]), 1.0);
        assert_eq!(correlation_time(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]), 1.0);
        assert_eq!(correlation_time(&[f64::NAN; 9]), 1.0);
    }

    #[test]
    fn independent_rounds_widen_little_and_drifting_ones_much() {
        let width = |series: &[f64]| inflation(series, &[]).map_or(10.0, |found| found.width.min(10.0));
        let mean = (0..200).map(|seed| width(&autoregression(100, 0.0, seed))).sum::<f64>() / 200.0;
        assert!((1.0..1.35).contains(&mean), "{mean}");
        // The drift has a third of the noise's amplitude, and no two neighbours show it.
        let hidden = |seed: u64| -> Vec<f64> {
            let (drift, noise) =
                (autoregression(1_000, 0.98, seed), autoregression(1_000, 0.0, seed + 1_000));
            drift.iter().zip(noise).map(|(drift, noise)| drift + 3.0 * noise).collect()
        };
        let (true_variance, independent) = (100.0 + 9.0, 10.0);
        let widths = (0..100).map(|seed| width(&hidden(seed))).sum::<f64>() / 100.0;
        assert!(widths > 0.6 * f64::sqrt(true_variance / independent), "{widths}");
    }

    #[test]
    fn a_drift_as_long_as_the_run_carries_no_interval() {
        let slope: Vec<f64> = (0..200).map(|round| f64::from(round) - 99.5).collect();
        assert_eq!(inflation(&slope, &[]), None);
        assert!(inflation(&autoregression(1_000, 0.9, 1), &[]).is_some());
        assert_eq!(inflation(&[0.0; 30], &[]).map(|found| found.width), Some(1.0));
    }

    #[test]
    fn what_varies_between_groups_widens() {
        let mut noise = Noise::new(1);
        let groups: Vec<u32> = (0..100).map(|round| round / 10).collect();
        let levels: Vec<f64> = (0..10).map(|_| 2.0 * noise.normal()).collect();
        let series: Vec<f64> = groups.iter().map(|group| levels[*group as usize] + noise.normal()).collect();
        let mean = series.iter().sum::<f64>() / 100.0;
        let series: Vec<f64> = series.iter().map(|value| value - mean).collect();
        let (variance, count) = between_groups(&series, &groups).unwrap();
        let expected = levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / 9.0 / 10.0;
        assert!((variance / expected - 1.0).abs() < 0.5 && count == 10.0, "{variance} {expected}");
        assert!(inflation(&series, &groups).is_none_or(|found| found.width > 2.0));
        assert_eq!(between_groups(&series, &groups[..40]), None);
    }

    #[test]
    fn independent_rounds_count_almost_fully() {
        let mean =
            (0..200).map(|seed| correlation_time(&autoregression(100, 0.0, seed))).sum::<f64>() / 200.0;
        assert!((1.0..1.2).contains(&mean), "{mean}");
    }

    #[test]
    fn a_first_order_autoregression_has_its_known_time() {
        // (1 + 0.5) / (1 - 0.5) = 3, (1 + 0.8) / (1 - 0.8) = 9.
        for (coefficient, time) in [(0.5, 3.0), (0.8, 9.0)] {
            let times = (0..100).map(|seed| correlation_time(&autoregression(2_000, coefficient, seed)));
            let mean = times.sum::<f64>() / 100.0;
            assert!((mean / time - 1.0).abs() < 0.1, "{coefficient}: {mean}");
        }
    }
}
