//! The ratios of typical reads: for runs in which a few slow rounds or reads moved the means.

use super::estimate::{Estimate, Interval, Missing};
use super::rounds::PathRounds;
use super::typical_ratio::typical_ratio;

/// One workload's ratios of typical reads.
#[derive(Clone, Debug)]
pub(crate) struct Typical {
    pub(crate) speedup: Result<Estimate, Missing>,
    pub(crate) miss_penalty: Result<Estimate, Missing>,
    /// None if a hit is not certainly faster than MySQL, or a miss not slower.
    pub(crate) break_even: Option<Estimate>,
}

impl Typical {
    pub(crate) fn new(rounds: &PathRounds<'_>) -> Self {
        let PathRounds { mysql, cold, warm, groups } = *rounds;
        let (speedup, miss_penalty) =
            (typical_ratio(mysql, warm, groups), typical_ratio(cold, mysql, groups));
        let break_even = match (&speedup, &miss_penalty) {
            (Ok(speedup), Ok(penalty)) => break_even(*speedup, *penalty),
            _ => None,
        };
        Self { speedup, miss_penalty, break_even }
    }
}

/// `h* = (cold - mysql) / (cold - warm)` in units of mysql. It rises with a miss's and with a hit's
/// time, so the corners of both intervals bound it; the result is wider than 95 %.
fn break_even(speedup: Estimate, penalty: Estimate) -> Option<Estimate> {
    if speedup.ci95.low <= 1.0 || penalty.value <= 1.0 {
        return None;
    }
    let ratio = |penalty: f64, speedup: f64| ((penalty - 1.0) / (penalty - 1.0 / speedup)).clamp(0.0, 1.0);
    let (low, high) = (penalty.ci95.low.max(1.0), penalty.ci95.high);
    let ci95 = Interval::new(ratio(low, speedup.ci95.high), ratio(high, speedup.ci95.low))?;
    Some(Estimate { value: ratio(penalty.value, speedup.value), ci95 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::round_series::RoundSums;

    fn typical(mysql: &[RoundSums], cold: &[RoundSums], warm: &[RoundSums]) -> Typical {
        Typical::new(&PathRounds { mysql, cold, warm, groups: &[] })
    }

    fn rounds(ns: u64) -> Vec<RoundSums> {
        (0..40).map(|round| RoundSums::alike(1, ns + round % 3)).collect()
    }

    #[test]
    fn the_break_even_is_that_of_the_two_ratios() {
        let found = typical(&rounds(70_000), &rounds(180_000), &rounds(25_000));
        let found = found.break_even.unwrap();
        assert!((found.value - 110.0 / 155.0).abs() < 1e-3, "{found:?}");
        assert!(found.ci95.low <= found.value && found.value <= found.ci95.high);
    }

    #[test]
    fn a_few_slow_rounds_leave_it_alone() {
        let mut cold = rounds(180_000);
        cold[7] = RoundSums::alike(1, 90_000_000);
        let found = typical(&rounds(70_000), &cold, &rounds(25_000)).break_even.unwrap();
        assert!((found.value - 110.0 / 155.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn without_a_gain_there_is_none() {
        assert!(typical(&rounds(70_000), &rounds(180_000), &rounds(90_000)).break_even.is_none());
        assert!(typical(&rounds(70_000), &rounds(60_000), &rounds(25_000)).break_even.is_none());
        assert!(typical(&rounds(70_000), &[], &rounds(25_000)).break_even.is_none());
    }
}
