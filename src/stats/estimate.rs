//! An estimate: never a value without its interval, and a reason in words if there is none.

use std::fmt;

use crate::units::counted;

/// The 95 % interval of an estimate; `low` is at most `high`, both are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// None where an end is not a number or not finite.
    pub(crate) fn new(one: f64, other: f64) -> Option<Self> {
        (one.is_finite() && other.is_finite()).then(|| Self { low: one.min(other), high: one.max(other) })
    }

    pub(crate) fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    pub(crate) fn clamped(&self, low: f64, high: f64) -> Self {
        Self { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }
}

/// A value with its 95 % interval, which contains it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) ci95: Interval,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A path that it needs did not run, or answered nothing.
    NoReads,
    TooFewRounds {
        rounds: usize,
        needed: usize,
    },
    /// The rounds drift for as long as the run lasts, so that together they say no more than a few
    /// independent ones.
    Correlated,
    /// The resamples scatter so widely that no interval describes them.
    Unstable,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReads => write!(f, "a path that it is made of has no reads"),
            Self::TooFewRounds { rounds, needed } => {
                let rounds = counted(*rounds as u64, "round is", "rounds are");
                write!(f, "{rounds} too few to say how sure it is, {needed} are needed")
            }
            Self::Correlated => {
                write!(
                    f,
                    "the times drifted for as long as the run lasted, which leaves too little independent data for an interval; \
                     measure for longer, or on a quieter machine"
                )
            }
            Self::Unstable => write!(f, "the rounds differ too much from one another to say how sure it is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_two_finite_ends_in_order() {
        assert_eq!(Interval::new(2.0, 1.0), Interval::new(1.0, 2.0));
        assert_eq!(Interval::new(f64::NAN, 1.0), None);
        assert_eq!(Interval::new(0.0, f64::INFINITY), None);
        let clamped = Interval { low: -0.5, high: 0.25 }.clamped(0.0, 1.0);
        assert_eq!(clamped, Interval { low: 0.0, high: 0.25 });
    }
}
