//! Judging an interval against a threshold: it passes only where all of it is on the right side.

use super::estimate::Interval;
use crate::operator::Operator;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Passes,
    Fails,
    /// The interval lies astride the threshold.
    Inconclusive,
}

/// An interval equals a threshold only if it has no width, as a count has none.
pub(crate) fn judge(measured: Interval, operator: Operator, threshold: f64) -> Judgement {
    let (low, high) = (operator.holds(measured.low, threshold), operator.holds(measured.high, threshold));
    let possible = match operator {
        Operator::Equal => measured.contains(threshold),
        _ => low || high,
    };
    match (low && high, possible) {
        (true, _) => Judgement::Passes,
        (false, true) => Judgement::Inconclusive,
        (false, false) => Judgement::Fails,
    }
}

/// Judges a number that has no uncertainty.
pub(crate) fn judge_exact(measured: f64, operator: Operator, threshold: f64) -> Judgement {
    judge(Interval { low: measured, high: measured }, operator, threshold)
}

#[cfg(test)]
mod tests {
    use super::Judgement::{Fails, Inconclusive, Passes};
    use super::*;
    use crate::operator::Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};

    #[test]
    fn the_whole_interval_counts() {
        let measured = Interval { low: 2.0, high: 3.0 };
        for (operator, threshold, judgement) in [
            (Less, 3.5, Passes),
            (Less, 3.0, Inconclusive),
            (Less, 2.0, Fails),
            (LessOrEqual, 3.0, Passes),
            (LessOrEqual, 2.0, Inconclusive),
            (LessOrEqual, 1.9, Fails),
            (Greater, 1.5, Passes),
            (Greater, 2.0, Inconclusive),
            (Greater, 3.0, Fails),
            (GreaterOrEqual, 2.0, Passes),
            (GreaterOrEqual, 3.0, Inconclusive),
            (GreaterOrEqual, 3.1, Fails),
            (Equal, 2.5, Inconclusive),
            (Equal, 3.5, Fails),
        ] {
            assert_eq!(judge(measured, operator, threshold), judgement, "{operator:?} {threshold}");
        }
    }

    #[test]
    fn an_exact_number_is_never_inconclusive() {
        assert_eq!(judge_exact(0.0, Equal, 0.0), Passes);
        assert_eq!(judge_exact(1.0, Equal, 0.0), Fails);
        assert_eq!(judge_exact(5.0, Less, 5.0), Fails);
        assert_eq!(judge_exact(5.0, GreaterOrEqual, 5.0), Passes);
        assert_eq!(judge_exact(f64::NAN, Less, 5.0), Fails);
    }
}
