//! When operations are due: operation k as a pure function of (rng_seed, k).

use super::draws::{Draws, Purpose};
use crate::units;

/// The law of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// Independent of each other, as requests of many users are.
    Poisson,
    /// At equal distances.
    Even,
}

impl Arrivals {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Even => "even",
        }
    }
}

/// The instants at which operations are due, counted from the beginning. Exactly rate times
/// duration of them: given their number, the instants of a Poisson process are ordered uniform
/// ones, whose distances are exponential numbers divided by their sum.
#[derive(Clone, Debug)]
pub(crate) struct DueTimes {
    count: u64,
    duration_ns: f64,
    law: Law,
}

#[derive(Clone, Debug)]
enum Law {
    Even,
    Poisson {
        rng_seed: u64,
        /// The sum of all distances before each [`STRIDE`]th operation.
        checkpoints: Vec<f64>,
        sum: f64,
    },
}

/// Finding an instant sums up half as many distances on average.
const STRIDE: u64 = 64;

impl DueTimes {
    /// At least one operation.
    pub(crate) fn new(arrivals: Arrivals, rate_per_s: f64, duration_s: f64, rng_seed: u64) -> Self {
        let count = units::whole(rate_per_s * duration_s).max(1);
        let law = match arrivals {
            Arrivals::Even => Law::Even,
            Arrivals::Poisson => {
                let mut checkpoints = Vec::new();
                let mut sum = 0.0;
                for number in 0..=count {
                    if number.is_multiple_of(STRIDE) {
                        checkpoints.push(sum);
                    }
                    sum += distance(rng_seed, number);
                }
                Law::Poisson { rng_seed, checkpoints, sum }
            }
        };
        Self { count, duration_ns: duration_s * 1e9, law }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// When operation `number` is due, ns from the beginning; none beyond the last.
    pub(crate) fn due_ns(&self, number: u64) -> Option<u64> {
        if number >= self.count {
            return None;
        }
        let share = match &self.law {
            Law::Even => number as f64 / self.count as f64,
            Law::Poisson { rng_seed, checkpoints, sum } => {
                let checkpoint = number / STRIDE;
                let before = usize::try_from(checkpoint).ok().and_then(|index| checkpoints.get(index))?;
                let since: f64 =
                    (checkpoint * STRIDE..=number).map(|number| distance(*rng_seed, number)).sum();
                (before + since) / sum
            }
        };
        Some(units::whole(share * self.duration_ns))
    }
}

fn distance(rng_seed: u64, number: u64) -> f64 {
    Draws::new(rng_seed, Purpose::Arrival, number).exponential()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chance of a Kolmogorov-Smirnov distance at least as large, for a large sample.
    fn kolmogorov_smirnov_p(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
        sample.sort_by(f64::total_cmp);
        let count = sample.len() as f64;
        let distance = sample.iter().enumerate().fold(0.0_f64, |distance, (index, value)| {
            let expected = cdf(*value);
            let (below, above) = (index as f64 / count, (index as f64 + 1.0) / count);
            distance.max(expected - below).max(above - expected)
        });
        let scaled = (count.sqrt() + 0.12 + 0.11 / count.sqrt()) * distance;
        let term = |k: i32| {
            let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
            sign * (-2.0 * f64::from(k * k) * scaled * scaled).exp()
        };
        (2.0 * (1..100).map(term).sum::<f64>()).clamp(0.0, 1.0)
    }

    #[test]
    fn poisson_arrivals_are_exact_in_number_and_follow_their_law() {
        let mut below = 0;
        for seed in 0..20 {
            let due = DueTimes::new(Arrivals::Poisson, 1_000.0, 20.0, seed);
            assert_eq!(due.count(), 20_000);
            let instants: Vec<f64> = (0..20_000).map(|k| due.due_ns(k).unwrap() as f64 / 20e9).collect();
            assert_eq!(due.due_ns(20_000), None);
            assert!(instants.windows(2).all(|pair| pair[0] <= pair[1]));
            assert!(instants.iter().all(|share| (0.0..=1.0).contains(share)));
            let distances = instants.windows(2).map(|pair| (pair[1] - pair[0]) * 20_001.0).collect();
            for p in
                [kolmogorov_smirnov_p(distances, |x| 1.0 - (-x).exp()), kolmogorov_smirnov_p(instants, |x| x)]
            {
                below += usize::from(p <= 0.01);
            }
        }
        // Of 40 true laws 0.4 are rejected on average.
        assert!(below <= 3, "{below} of 40");
    }

    #[test]
    fn even_arrivals_are_even() {
        let due = DueTimes::new(Arrivals::Even, 4.0, 2.0, 7);
        let instants: Vec<u64> = (0..8).filter_map(|k| due.due_ns(k)).collect();
        assert_eq!(instants, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750].map(|ms: u64| ms * 1_000_000));
    }

    #[test]
    fn an_instant_needs_none_of_those_before_it() {
        let due = DueTimes::new(Arrivals::Poisson, 500.0, 1.0, 3);
        let late = due.due_ns(499);
        assert_eq!(due.clone().due_ns(499), late);
        assert_eq!(DueTimes::new(Arrivals::Poisson, 500.0, 1.0, 3).due_ns(499), late);
        assert_ne!(DueTimes::new(Arrivals::Poisson, 500.0, 1.0, 4).due_ns(499), late);
        assert_eq!(DueTimes::new(Arrivals::Poisson, 0.001, 1.0, 4).count(), 1, "never none");
    }
}
