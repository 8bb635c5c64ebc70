//! From which hit ratio the cache pays, and what to say where there is no such ratio.

use std::fmt;

use super::estimate::{Estimate, Missing};

/// The break-even hit ratio `h* = (cold - mysql) / (cold - warm)`, the h at which `h warm + (1 - h)
/// cold` is what MySQL takes, or why it does not exist.
///
/// Cases are told apart by the interval of the speedup, not by its value: where a hit is surely
/// faster than MySQL, h* lies below 1 and its denominator cannot come near 0 while cold is near
/// mysql or above; where it is not, the ratio of two uncertain differences has no interval worth
/// its name (Fieller 1954), and none is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BreakEven {
    /// Below this hit ratio the cache costs time. The interval is clipped to 0 to 1; one that
    /// begins at 0 says that a miss may cost nothing at all.
    Exists(Estimate),
    /// A miss certainly costs no more than reading MySQL: the cache pays from the first hit.
    FromTheFirstHit,
    /// A miss was measured to cost no more than reading MySQL, but not certainly: the cache
    /// certainly pays above this hit ratio, perhaps below it too.
    AtMost { hit_ratio: f64 },
    /// A hit is not faster than reading MySQL: no hit ratio pays.
    Never,
    /// Whether a hit is faster than reading MySQL is within the noise.
    Unclear,
    /// There are no numbers to decide by.
    Missing(Missing),
}

impl BreakEven {
    /// The ratio, where there is one.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        match self {
            Self::Exists(estimate) => Some(*estimate),
            _ => None,
        }
    }
}

/// Why there is no ratio; empty where there is one.
impl fmt::Display for BreakEven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(_) => Ok(()),
            Self::FromTheFirstHit => {
                write!(f, "a miss costs no more than reading MySQL, so the cache pays from the first hit")
            }
            Self::AtMost { hit_ratio } => write!(
                f,
                "what a miss costs is within the noise; the cache pays above a hit ratio of {:.0} %, perhaps below it too",
                hit_ratio * 100.0
            ),
            Self::Never => write!(f, "a hit is not faster than reading MySQL, so Redis adds nothing here"),
            Self::Unclear => write!(f, "whether a hit is faster than reading MySQL is within the noise"),
            Self::Missing(reason) => reason.fmt(f),
        }
    }
}

/// Decides by the intervals of how much faster a hit is and how much longer a miss takes; the ratio
/// itself is worked out only if it exists.
pub(super) fn decide(
    speedup: Result<Estimate, Missing>,
    miss_penalty: Result<Estimate, Missing>,
    ratio: impl FnOnce() -> Result<Estimate, Missing>,
) -> BreakEven {
    let speedup = match speedup {
        Ok(speedup) => speedup,
        Err(reason) => return BreakEven::Missing(reason),
    };
    if speedup.ci95.high <= 1.0 {
        return BreakEven::Never;
    }
    if speedup.ci95.low <= 1.0 {
        return BreakEven::Unclear;
    }
    if miss_penalty.is_ok_and(|penalty| penalty.ci95.high <= 1.0) {
        return BreakEven::FromTheFirstHit;
    }
    match ratio() {
        Err(reason) => BreakEven::Missing(reason),
        Ok(ratio) => clipped(ratio),
    }
}

/// With warm below mysql a ratio above 1 or a swapped sign can only come from cold below warm.
fn clipped(ratio: Estimate) -> BreakEven {
    let ci95 = ratio.ci95.clamped(0.0, 1.0);
    if ratio.value > 1.0 {
        BreakEven::AtMost { hit_ratio: 1.0 }
    } else if ratio.value <= 0.0 {
        BreakEven::AtMost { hit_ratio: ci95.high }
    } else {
        BreakEven::Exists(Estimate { value: ratio.value, ci95 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::estimate::Interval;

    fn estimate(low: f64, value: f64, high: f64) -> Estimate {
        Estimate { value, ci95: Interval { low, high } }
    }

    fn decided(speedup: Estimate, ratio: Estimate) -> BreakEven {
        decide(Ok(speedup), Ok(estimate(0.9, 1.0, 1.1)), || Ok(ratio))
    }

    #[test]
    fn a_hit_that_is_surely_faster_has_a_ratio() {
        let surely = estimate(2.0, 3.0, 4.0);
        let ratio = estimate(0.1, 0.2, 0.3);
        assert_eq!(decided(surely, ratio), BreakEven::Exists(ratio));
        assert_eq!(decided(surely, ratio).estimate(), Some(ratio));
        assert_eq!(
            decided(surely, estimate(-0.1, 0.02, 0.1)),
            BreakEven::Exists(estimate(0.0, 0.02, 0.1)),
            "a miss may cost nothing"
        );
        assert_eq!(decided(surely, estimate(-0.1, -0.02, 0.05)), BreakEven::AtMost { hit_ratio: 0.05 });
        assert_eq!(decided(surely, estimate(1.1, 2.0, 9.0)), BreakEven::AtMost { hit_ratio: 1.0 });
    }

    #[test]
    fn from_the_first_hit_needs_an_interval_that_says_so() {
        let surely = estimate(2.0, 3.0, 4.0);
        let ratio = || Ok(estimate(-0.1, -0.02, 0.05));
        let given = |penalty| decide(Ok(surely), penalty, ratio);
        assert_eq!(given(Ok(estimate(0.7, 0.8, 0.9))), BreakEven::FromTheFirstHit);
        assert_eq!(given(Ok(estimate(0.82, 0.97, 1.12))), BreakEven::AtMost { hit_ratio: 0.05 });
        assert_eq!(given(Err(Missing::Correlated)), BreakEven::AtMost { hit_ratio: 0.05 });
    }

    #[test]
    fn a_hit_that_is_not_faster_has_none() {
        let ratio = || -> Result<Estimate, Missing> { panic!("not asked for") };
        let penalty = Ok(estimate(0.1, 0.2, 0.3));
        assert_eq!(decide(Ok(estimate(0.5, 0.7, 0.9)), penalty, ratio), BreakEven::Never);
        assert_eq!(decide(Ok(estimate(0.9, 1.1, 1.3)), penalty, ratio), BreakEven::Unclear);
        assert_eq!(decide(Ok(estimate(0.7, 0.9, 1.1)), penalty, ratio), BreakEven::Unclear);
        assert_eq!(decide(Err(Missing::NoReads), penalty, ratio), BreakEven::Missing(Missing::NoReads));
    }

    #[test]
    fn every_case_without_a_ratio_says_why() {
        let cases = [
            BreakEven::FromTheFirstHit,
            BreakEven::AtMost { hit_ratio: 0.1 },
            BreakEven::Never,
            BreakEven::Unclear,
            BreakEven::Missing(Missing::TooFewRounds { rounds: 3, needed: 10 }),
        ];
        for case in cases {
            assert!(case.to_string().len() > 20);
            assert_eq!(case.estimate(), None);
        }
        assert_eq!(BreakEven::Exists(estimate(0.1, 0.2, 0.3)).to_string(), "");
    }
}
