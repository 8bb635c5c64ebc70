//! Judging an interval against a threshold: it passes only where all of it is on the right side.

use super::estimate::Interval;
use crate::model::Judgement;
use crate::model::operator::Operator;

/// An interval equals a threshold only if it has no width, as a count has none.
pub(crate) fn judge(measured: Interval, operator: Operator, threshold: f64) -> Judgement {
    let (low, high) = (operator.holds(measured.low, threshold), operator.holds(measured.high, threshold));
    let possible = match operator {
        Operator::Equal => measured.contains(threshold),
        _ => low || high,
    };
    match (low && high, possible) {
        (true, _) => Judgement::Passed,
        (false, true) => Judgement::Inconclusive,
        (false, false) => Judgement::Failed,
    }
}

/// Judges a number that has no uncertainty.
pub(crate) fn judge_exact(measured: f64, operator: Operator, threshold: f64) -> Judgement {
    judge(Interval { low: measured, high: measured }, operator, threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Judgement::{Failed, Inconclusive, Passed};
    use crate::model::operator::Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};

    #[test]
    fn the_whole_interval_counts() {
        let measured = Interval { low: 2.0, high: 3.0 };
        for (operator, threshold, judgement) in [
            (Less, 3.5, Passed),
            (Less, 3.0, Inconclusive),
            (Less, 2.0, Failed),
            (LessOrEqual, 3.0, Passed),
            (LessOrEqual, 2.0, Inconclusive),
            (LessOrEqual, 1.9, Failed),
            (Greater, 1.5, Passed),
            (Greater, 2.0, Inconclusive),
            (Greater, 3.0, Failed),
            (GreaterOrEqual, 2.0, Passed),
            (GreaterOrEqual, 3.0, Inconclusive),
            (GreaterOrEqual, 3.1, Failed),
            (Equal, 2.5, Inconclusive),
            (Equal, 3.5, Failed),
        ] {
            assert_eq!(judge(measured, operator, threshold), judgement, "{operator:?} {threshold}");
        }
    }

    #[test]
    fn an_exact_number_is_never_inconclusive() {
        assert_eq!(judge_exact(0.0, Equal, 0.0), Passed);
        assert_eq!(judge_exact(1.0, Equal, 0.0), Failed);
        assert_eq!(judge_exact(5.0, Less, 5.0), Failed);
        assert_eq!(judge_exact(5.0, GreaterOrEqual, 5.0), Passed);
        assert_eq!(judge_exact(f64::NAN, Less, 5.0), Failed);
    }
}
