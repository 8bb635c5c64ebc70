//! Intervals of a stream of operations by batches of one second: what operations of one second
//! share, such as a busy moment, is then counted once (batch means; Law, "Simulation Modeling and
//! Analysis").

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimate::Interval;

/// The operations of one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) count: f64,
    pub(crate) sum: f64,
}

/// Fewer batches say nothing of how they differ.
const FEWEST: usize = 5;

/// The 95 % interval of the mean of all operations: a ratio of sums over batches.
pub(crate) fn mean_interval(batches: &[Batch]) -> Option<Interval> {
    let used: Vec<&Batch> = batches.iter().filter(|batch| batch.count > 0.0).collect();
    let error = standard_error(&used)?;
    let quantile = StudentsT::new(0.0, 1.0, used.len() as f64 - 1.0).ok()?.inverse_cdf(0.975);
    let mean = mean(&used)?;
    Interval::new(mean - quantile * error, mean + quantile * error)
}

/// The number of independent operations that tell as much as these, given the standard deviation of
/// a single one.
pub(crate) fn effective_samples(batches: &[Batch], deviation: f64) -> Option<f64> {
    let used: Vec<&Batch> = batches.iter().filter(|batch| batch.count > 0.0).collect();
    let error = standard_error(&used)?;
    let count: f64 = used.iter().map(|batch| batch.count).sum();
    if error <= 0.0 {
        return Some(count);
    }
    Some((deviation / error).powi(2).min(count))
}

fn mean(batches: &[&Batch]) -> Option<f64> {
    let count: f64 = batches.iter().map(|batch| batch.count).sum();
    (count > 0.0).then(|| batches.iter().map(|batch| batch.sum).sum::<f64>() / count)
}

fn standard_error(batches: &[&Batch]) -> Option<f64> {
    if batches.len() < FEWEST {
        return None;
    }
    let mean = mean(batches)?;
    let length = batches.len() as f64;
    let count: f64 = batches.iter().map(|batch| batch.count).sum();
    let squares: f64 = batches.iter().map(|batch| (batch.sum - mean * batch.count).powi(2)).sum();
    Some((squares / (length - 1.0) * length).sqrt() / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Noise;

    fn batches(seed: u64, length: usize) -> Vec<Batch> {
        let mut noise = Noise::new(seed);
        (0..length)
            .map(|_| {
                let count = 50.0;
                Batch { count, sum: (0..50).map(|_| -noise.uniform().ln()).sum() }
            })
            .collect()
    }

    #[test]
    fn the_true_mean_is_covered() {
        let covered =
            (0..1_000).filter(|seed| mean_interval(&batches(*seed, 10)).unwrap().contains(1.0)).count();
        assert!((925..=970).contains(&covered), "{covered} of 1,000");
    }

    #[test]
    fn independent_operations_count_fully_and_shared_luck_does_not() {
        let independent = effective_samples(&batches(1, 200), 1.0).unwrap();
        assert!((6_000.0..=10_000.0).contains(&independent), "{independent}");
        let shared: Vec<Batch> = batches(1, 200)
            .iter()
            .enumerate()
            .map(|(i, b)| Batch { sum: b.sum * (1.0 + (i % 2) as f64), ..*b })
            .collect();
        assert!(effective_samples(&shared, 1.0).unwrap() < 1_000.0);
        assert_eq!(mean_interval(&batches(1, 4)), None);
        assert_eq!(mean_interval(&[Batch { count: 0.0, sum: 0.0 }; 9]), None);
    }
}
