//! How much less successive rounds say than independent ones would.

/// The integrated autocorrelation time of a series with mean zero: as many rounds as this say as much as one
/// independent round. 1 where the rounds do not correlate, which is what most runs give.
///
/// Rounds count as correlated only if the first autocorrelation exceeds three quarters of its standard error under
/// independence, 1/sqrt(n) (Bartlett 1946): without this test the noise of the estimate would widen every interval,
/// and with a stricter one the intervals of 30 correlated rounds cover 1 % less. Then it is the larger of Geyer's
/// initial monotone positive sequence ("Practical Markov Chain Monte Carlo", Statistical Science 1992), which sees
/// slow waves, and `(1 + r) / (1 - r)` of a first-order autoregression with its bias taken out (`r + (1 + 3r)/n`,
/// Kendall 1954), which sees short memory in few rounds.
pub(super) fn correlation_time(series: &[f64]) -> f64 {
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
    if first <= 0.75 / length.sqrt() {
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
