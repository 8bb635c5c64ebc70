//! Several runs of the same bench: what they say together, with what differs between them in the
//! interval.
//!
//! Each run gives a value and an interval of its own. The values of n runs scatter by all that
//! differs between runs and within them, so Student's interval of their mean needs no model of
//! either. By chance n values can lie close together, so the runs' own intervals widen it. They
//! may be much too wide themselves (a run of ten rounds on a busy machine): the middle one of them
//! counts, and no further than chance can explain that the values scatter so little.

use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use super::estimate::{Estimate, Interval};

/// The 97.5 % quantile of the normal distribution.
pub(crate) const NORMAL: f64 = 1.959_964;

/// The 97.5 % quantile of Student's distribution.
pub(crate) fn student(freedom: f64) -> f64 {
    if !freedom.is_finite() || freedom > 1e6 {
        return NORMAL;
    }
    let distribution = StudentsT::new(0.0, 1.0, freedom.max(1.0));
    distribution.map_or(NORMAL, |distribution| distribution.inverse_cdf(0.975))
}

/// On which scale values of different runs scatter evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Times and ratios of times.
    Logarithm,
    /// A value that may be negative or lies between 0 and 1.
    Plain,
}

/// When the runs were made, which decides what they know of one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// One after the other: what disturbs one is new luck for the next.
    Successive,
    /// At the same time, on the same servers: they share the luck of that time, so together they
    /// are no surer than each of them is by itself.
    Simultaneous,
}

/// The estimate of all runs together; none for no runs, and where a value does not fit the scale. A
/// single run keeps its own interval.
pub(crate) fn pool(runs: &[Estimate], scale: Scale, timing: Timing) -> Option<Estimate> {
    match runs {
        [] => None,
        [only] => Some(*only),
        _ => {
            let half = half_width(runs, scale, timing)?;
            let mean = mean(&values(runs, scale)?);
            Some(back(mean, half, scale)?)
        }
    }
}

/// The interval of all runs together around a value that is known otherwise, such as the mean of
/// all their reads.
pub(crate) fn pool_around(value: f64, runs: &[Estimate], scale: Scale, timing: Timing) -> Option<Estimate> {
    match runs {
        [] => None,
        [only] => Some(Estimate { value, ..*only }).filter(|only| only.ci95.contains(value)),
        _ => back(to_scale(value, scale)?, half_width(runs, scale, timing)?, scale),
    }
}

fn half_width(runs: &[Estimate], scale: Scale, timing: Timing) -> Option<f64> {
    let values = values(runs, scale)?;
    let (length, mean) = (values.len() as f64, mean(&values));
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (length - 1.0)).sqrt();
    let between = student(length - 1.0) * deviation / length.sqrt();
    let own = median(runs.iter().map(|run| own_half(run, scale)).collect());
    let within = match timing {
        Timing::Successive => {
            let alone = own / length.sqrt();
            // Values that are exactly equal are steps of a scale, and say nothing of chance.
            if deviation > 0.0 {
                let most = NORMAL * largest_deviation(deviation, length) / length.sqrt();
                alone.min(most).max(LEAST_OF_OWN * alone)
            } else {
                alone
            }
        }
        Timing::Simultaneous => own,
    };
    let half = between.max(within);
    half.is_finite().then_some(half)
}

/// The runs' own intervals are taken to be at most four times as wide as they should be.
const LEAST_OF_OWN: f64 = 0.25;

/// The largest deviation with which n values scatter as little as this in 2.5 % of cases.
fn largest_deviation(deviation: f64, length: f64) -> f64 {
    let squares = ChiSquared::new(length - 1.0).map_or(0.0, |squares| squares.inverse_cdf(0.025));
    deviation * ((length - 1.0) / squares).sqrt()
}

/// Half of a run's own interval.
fn own_half(run: &Estimate, scale: Scale) -> f64 {
    let ends = to_scale(run.ci95.low, scale).zip(to_scale(run.ci95.high, scale));
    ends.map_or(0.0, |(low, high)| (high - low) / 2.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    if values.len().is_multiple_of(2) {
        f64::midpoint(at(middle.saturating_sub(1)), at(middle))
    } else {
        at(middle)
    }
}

fn values(runs: &[Estimate], scale: Scale) -> Option<Vec<f64>> {
    runs.iter().map(|run| to_scale(run.value, scale)).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn to_scale(value: f64, scale: Scale) -> Option<f64> {
    let value = match scale {
        Scale::Logarithm => value.ln(),
        Scale::Plain => value,
    };
    value.is_finite().then_some(value)
}

fn back(value: f64, half: f64, scale: Scale) -> Option<Estimate> {
    let from_scale = |value: f64| match scale {
        Scale::Logarithm => value.exp(),
        Scale::Plain => value,
    };
    let ci95 = Interval::new(from_scale(value - half), from_scale(value + half))?;
    Some(Estimate { value: from_scale(value), ci95 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Noise;

    /// A run whose value scatters around 1 between runs and within them, with the interval that it
    /// would give itself.
    fn run(noise: &mut Noise, between: f64, within: f64) -> Estimate {
        let value = (between * noise.normal() + within * noise.normal()).exp();
        let ends = [-1.0, 1.0].map(|side| value * (side * NORMAL * within).exp());
        Estimate { value, ci95: Interval { low: ends[0], high: ends[1] } }
    }

    fn bench(noise: &mut Noise, runs: usize, between: f64, within: f64) -> Estimate {
        let runs: Vec<Estimate> = (0..runs).map(|_| run(noise, between, within)).collect();
        pool(&runs, Scale::Logarithm, Timing::Successive).unwrap()
    }

    #[test]
    fn the_truth_and_the_next_bench_are_covered() {
        const BENCHES: u32 = 2_000;
        for (between, within) in [(0.05, 0.0), (0.05, 0.01), (0.05, 0.05), (0.2, 0.1), (0.01, 0.05)] {
            for runs in [3, 5, 10] {
                let mut noise = Noise::new(runs as u64);
                let (mut truth, mut next) = (0, 0);
                for _ in 0..BENCHES {
                    let one = bench(&mut noise, runs, between, within);
                    truth += u32::from(one.ci95.contains(1.0));
                    next += u32::from(one.ci95.contains(bench(&mut noise, runs, between, within).value));
                }
                let share = |count: u32| f64::from(count) / f64::from(BENCHES);
                let case = format!("{between} {within} {runs}: {} {}", share(truth), share(next));
                // Where nothing but the noise within runs varies, the floor makes it a little safer
                // than it must be.
                let most = if within > between { 0.993 } else { 0.985 };
                assert!((0.92..=most).contains(&share(truth)), "{case}");
                assert!(share(next) >= 0.80, "{case}");
            }
        }
    }

    #[test]
    fn runs_that_agree_by_luck_are_as_sure_as_their_own_intervals() {
        let same = Estimate { value: 2.0, ci95: Interval { low: 1.8, high: 2.2 } };
        let pooled = pool(&[same; 4], Scale::Plain, Timing::Successive).unwrap();
        assert!((pooled.ci95.high - 2.1).abs() < 1e-6 && (pooled.ci95.low - 1.9).abs() < 1e-6);
        assert_eq!(pool(&[same], Scale::Logarithm, Timing::Successive), Some(same));
        assert_eq!(pool(&[], Scale::Plain, Timing::Successive), None);
    }

    #[test]
    fn own_intervals_that_are_much_too_wide_count_no_further_than_luck_explains() {
        let run = |value: f64, half: f64| Estimate {
            value,
            ci95: Interval { low: value - half, high: value + half },
        };
        let values = [0.998, 1.004, 0.999, 1.003, 0.996];
        let half = |own: [f64; 5]| {
            let runs: Vec<Estimate> = values.iter().zip(own).map(|(value, half)| run(*value, half)).collect();
            let pooled = pool(&runs, Scale::Logarithm, Timing::Successive).unwrap();
            (pooled.ci95.high / pooled.value).ln()
        };
        // A deviation of 0.34 %: Student's half is 0.42 %, and chance explains twice as much.
        assert!((half([1e-6; 5]) - 0.0042).abs() < 2e-4);
        assert!((half([0.02; 5]) - 0.0086).abs() < 2e-4);
        // At least a quarter of what they say.
        assert!((half([0.2; 5]) - 0.2 / 4.0 / 5f64.sqrt()).abs() < 1e-3);
        // One run that knows nothing does not spoil what the others know.
        assert!((half([0.001, 0.001, 0.9, 0.001, 0.001]) - 0.0042).abs() < 2e-4);
    }

    #[test]
    fn simultaneous_runs_are_no_surer_than_one() {
        let same = Estimate { value: 2.0, ci95: Interval { low: 1.8, high: 2.2 } };
        let pooled = pool(&[same; 4], Scale::Plain, Timing::Simultaneous).unwrap();
        assert!((pooled.ci95.high - 2.2).abs() < 1e-6 && (pooled.ci95.low - 1.8).abs() < 1e-6);
        let apart = [1.0, 2.0, 3.0].map(|value| Estimate { value, ..same });
        let [successive, simultaneous] = [Timing::Successive, Timing::Simultaneous]
            .map(|timing| pool(&apart, Scale::Plain, timing).unwrap());
        assert_eq!(successive, simultaneous, "what differs between them counts in either case");
    }

    #[test]
    fn the_interval_goes_around_what_all_reads_say() {
        let run = |value: f64| Estimate { value, ci95: Interval { low: value * 0.99, high: value * 1.01 } };
        let pooled =
            pool_around(1.02, &[run(1.0), run(1.05), run(0.98)], Scale::Logarithm, Timing::Successive)
                .unwrap();
        assert_eq!(pooled.value.to_bits(), 1.02f64.ln().exp().to_bits());
        assert!(pooled.ci95.contains(1.0) && pooled.ci95.contains(1.05));
        assert_eq!(pool_around(-1.0, &[run(1.0), run(2.0)], Scale::Logarithm, Timing::Successive), None);
        let shares = [0.2, 0.3].map(|value| Estimate { value, ci95: Interval { low: 0.0, high: 1.0 } });
        assert!(pool(&shares, Scale::Plain, Timing::Successive).unwrap().ci95.contains(0.25));
    }

    #[test]
    fn student_knows_two_runs() {
        for (freedom, quantile) in [(1.0, 12.706), (4.0, 2.776), (1e9, NORMAL), (f64::INFINITY, NORMAL)] {
            assert!((student(freedom) - quantile).abs() < 1e-3);
        }
    }
}
