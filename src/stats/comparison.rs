//! The difference of two measurements, each one run or several, and whether it is more than noise.
//!
//! Within a run the rounds show how an estimate scatters. Memory layout, the placement of threads
//! and connections and the neighbours on the machine are drawn once a run (Kalibera and Jones,
//! "Rigorous Benchmarking in Reasonable Time", ISMM 2013), and one run cannot see them. Several
//! runs can: their intervals come from the runs (`between_runs`). For a single run an allowance is
//! assumed, and the page says so.

use super::between_runs::{NORMAL, student};
use super::estimate::{Estimate, Interval};
use super::threshold::judge;
use crate::model::operator::Operator;
use crate::model::{Judgement, Verdict};

/// The spread between runs of the same build, as far as an interval knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spread {
    /// The interval comes from this many runs: it holds what differs between them.
    Measured { runs: usize },
    /// The interval comes from one run; this is the assumed standard deviation between runs.
    Assumed { deviation: f64 },
}

impl Spread {
    /// Both numbers are of the same run.
    pub(crate) const SAME_RUN: Self = Self::Assumed { deviation: 0.0 };
}

/// The error of a number on one side.
#[derive(Clone, Copy, Debug)]
struct Error {
    variance: f64,
    freedom: f64,
}

impl Error {
    /// From the half of a 95 % interval.
    fn new(half: f64, spread: Spread) -> Self {
        match spread {
            Spread::Measured { runs } => {
                let freedom = runs.saturating_sub(1).max(1) as f64;
                Self { variance: (half / student(freedom)).powi(2), freedom }
            }
            Spread::Assumed { deviation } => {
                let variance = (half / NORMAL).powi(2) + deviation * deviation;
                Self { variance, freedom: f64::INFINITY }
            }
        }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { variance: self.variance * factor * factor, ..self }
    }

    /// The spread of a sum of independent numbers (Welch, "The Generalization of Student's
    /// Problem", Biometrika 1947).
    fn plus(self, other: Self) -> Self {
        let variance = self.variance + other.variance;
        let share = |error: Self| error.variance * error.variance / error.freedom;
        let shares = share(self) + share(other);
        let freedom = if shares > 0.0 { variance * variance / shares } else { f64::INFINITY };
        Self { variance, freedom }
    }

    /// The half of a 95 % interval.
    fn half(self) -> f64 {
        self.variance.sqrt() * student(self.freedom)
    }
}

/// A number with its error on either side: each side of a result takes the side of its parts that
/// matters for it, so that skewness survives (Zou and Donner, "Construction of Confidence Limits
/// about Effect Measures", Statistics in Medicine 2008).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    value: f64,
    below: Error,
    above: Error,
}

impl Term {
    pub(crate) fn new(estimate: Estimate, spread: Spread) -> Self {
        let Estimate { value, ci95 } = estimate;
        Self {
            value,
            below: Error::new(value - ci95.low, spread),
            above: Error::new(ci95.high - value, spread),
        }
    }

    /// The logarithm; none where an end of the interval is not positive.
    pub(crate) fn logarithm(estimate: Estimate, spread: Spread) -> Option<Self> {
        let ci95 = Interval::new(estimate.ci95.low.ln(), estimate.ci95.high.ln())?;
        let value = estimate.value.ln();
        value.is_finite().then(|| Self::new(Estimate { value, ci95 }, spread))
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        let (below, above) = (self.below.scaled(factor), self.above.scaled(factor));
        let (below, above) = if factor < 0.0 { (above, below) } else { (below, above) };
        Self { value: self.value * factor, below, above }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            below: self.below.plus(other.below),
            above: self.above.plus(other.above),
        }
    }

    pub(crate) fn shifted(self, by: f64) -> Self {
        Self { value: self.value + by, ..self }
    }

    /// None where it is no number.
    pub(crate) fn estimate(self) -> Option<Estimate> {
        let ci95 = Interval::new(self.value - self.below.half(), self.value + self.above.half())?;
        self.value.is_finite().then_some(Estimate { value: self.value, ci95 })
    }
}

/// `candidate / baseline` of two independent estimates with its interval; none where an end of
/// either is not positive.
pub(crate) fn ratio(baseline: (Estimate, Spread), candidate: (Estimate, Spread)) -> Option<Estimate> {
    let baseline = Term::logarithm(baseline.0, baseline.1)?;
    let candidate = Term::logarithm(candidate.0, candidate.1)?;
    let log = candidate.plus(baseline.times(-1.0)).estimate()?;
    let ci95 = Interval::new(log.ci95.low.exp(), log.ci95.high.exp())?;
    Some(Estimate { value: log.value.exp(), ci95 })
}

/// One estimate for all of several: what each of them leaves possible stays possible.
pub(crate) fn hull(estimates: &[Estimate]) -> Option<Estimate> {
    let (first, others) = estimates.split_first()?;
    let mut hull = *first;
    for other in others {
        hull.ci95.low = hull.ci95.low.min(other.ci95.low);
        hull.ci95.high = hull.ci95.high.max(other.ci95.high);
    }
    let sum: f64 = estimates.iter().map(|estimate| estimate.value).sum();
    hull.value = sum / estimates.len() as f64;
    Some(hull)
}

/// Judges `candidate / baseline` of something that grows when the candidate gets slower.
/// `tolerance` is a share: 0.1 for 10 %.
///
/// Regressed: the whole interval lies above 1 + tolerance. Unchanged: all of it lies within the
/// tolerance, which downwards is 1 / (1 + tolerance). Improved: all of it lies below 1, and not
/// within the tolerance.
pub(crate) fn verdict(change: &Estimate, tolerance: f64) -> Verdict {
    let limit = 1.0 + tolerance.max(0.0);
    if regression(change, tolerance) == Judgement::Failed {
        Verdict::Regressed
    } else if change.ci95.low >= 1.0 / limit && change.ci95.high <= limit {
        Verdict::Unchanged
    } else if change.ci95.high < 1.0 {
        Verdict::Improved
    } else {
        Verdict::Inconclusive
    }
}

/// Whether a regression beyond the tolerance is ruled out (passes), shown (fails), or neither.
pub(crate) fn regression(change: &Estimate, tolerance: f64) -> Judgement {
    judge(change.ci95, Operator::LessOrEqual, 1.0 + tolerance.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::round_series::RoundSums;
    use crate::stats::simulation::{Law, Noise};
    use crate::stats::typical_ratio::typical_ratio;

    const SURE: Spread = Spread::SAME_RUN;

    fn estimate(low: f64, value: f64, high: f64) -> Estimate {
        Estimate { value, ci95: Interval { low, high } }
    }

    #[test]
    fn sides_add_in_quadrature() {
        let baseline = estimate(1.0 / 3f64.exp(), 1.0, 3f64.exp());
        let candidate = estimate(2.0 / 4f64.exp(), 2.0, 2.0 * 4f64.exp());
        let change = ratio((baseline, SURE), (candidate, SURE)).unwrap();
        assert!((change.value - 2.0).abs() < 1e-12);
        assert!((change.ci95.low.ln() - (2f64.ln() - 5.0)).abs() < 1e-9);
        assert!((change.ci95.high.ln() - (2f64.ln() + 5.0)).abs() < 1e-9);
        let same = estimate(1.0, 1.0, 1.0);
        let assumed = Spread::Assumed { deviation: 0.02 };
        let between = ratio((same, assumed), (same, assumed)).unwrap();
        assert!((between.ci95.high.ln() - 0.0554).abs() < 1e-4);
        assert_eq!(ratio((estimate(0.0, 1.0, 2.0), SURE), (same, SURE)), None);
        assert_eq!(ratio((same, SURE), (estimate(f64::NAN, 1.0, 2.0), SURE)), None);
    }

    #[test]
    fn two_sides_of_five_runs_have_eight_degrees_of_freedom() {
        // Welch's interval of equal variances: 2.306 standard errors instead of 2.776 on either
        // side.
        let runs = Spread::Measured { runs: 5 };
        let one = Term::new(estimate(-2.776, 0.0, 2.776), runs);
        let both = one.plus(one.times(-1.0)).estimate().unwrap();
        assert!((both.ci95.high - 2.306 * 2f64.sqrt()).abs() < 2e-3, "{both:?}");
        // A negative factor swaps the sides.
        let skewed = Term::new(estimate(-1.0, 0.0, 3.0), SURE).times(-2.0).shifted(1.0).estimate().unwrap();
        assert!((skewed.ci95.low + 5.0).abs() < 1e-9 && (skewed.ci95.high - 3.0).abs() < 1e-9);
    }

    #[test]
    fn each_verdict_needs_the_whole_interval() {
        for (low, high, wanted, gate) in [
            (1.11, 1.3, Verdict::Regressed, Judgement::Failed),
            (1.05, 1.3, Verdict::Inconclusive, Judgement::Inconclusive),
            (0.95, 1.05, Verdict::Unchanged, Judgement::Passed),
            (0.92, 0.99, Verdict::Unchanged, Judgement::Passed),
            (0.80, 0.99, Verdict::Improved, Judgement::Passed),
            (0.80, 1.05, Verdict::Inconclusive, Judgement::Passed),
            (0.80, 1.20, Verdict::Inconclusive, Judgement::Inconclusive),
        ] {
            let change = estimate(low, f64::midpoint(low, high), high);
            assert_eq!((verdict(&change, 0.1), regression(&change, 0.1)), (wanted, gate), "{low} to {high}");
        }
    }

    #[test]
    fn a_hull_leaves_possible_what_any_of_them_does() {
        let both = hull(&[estimate(0.9, 1.0, 1.1), estimate(1.0, 1.1, 1.3)]).unwrap();
        assert!((both.value - 1.05).abs() < 1e-12);
        assert_eq!(both.ci95, Interval { low: 0.9, high: 1.3 });
        assert_eq!(hull(&[]), None);
    }

    const BETWEEN_RUNS: f64 = 0.03;

    /// The number of 400 pairs that are called regressed, if both runs carry the variation between
    /// runs.
    fn regressed(law: Law, rounds: usize, slowdown: f64, between_runs: f64) -> u32 {
        let run = |seed: u64, slowdown: f64| {
            let [mysql, _, mut warm] = law.rounds(rounds, seed);
            let factor = slowdown * (between_runs * Noise::new(seed + 1_000_000).normal()).exp();
            for sums in &mut warm {
                *sums = RoundSums::alike(sums.count, crate::units::whole(sums.sum_ns as f64 * factor));
            }
            let spread = Spread::Assumed { deviation: BETWEEN_RUNS };
            typical_ratio(&warm, &mysql, &[]).ok().map(|typical| (typical, spread))
        };
        let judged = |pair: u64| {
            let (baseline, candidate) = (run(2 * pair, 1.0)?, run(2 * pair + 1, slowdown)?);
            Some(verdict(&ratio(baseline, candidate)?, 0.1))
        };
        (0..400).map(|pair| u32::from(judged(pair) == Some(Verdict::Regressed))).sum()
    }

    #[test]
    fn a_single_run_does_not_cry_wolf() {
        for law in [
            Law::Outliers { share: 0.02 },
            Law::Lognormal { sigma: 1.0 },
            Law::CommonDrift { coefficient: 0.9, sigma: 0.4 },
            Law::Autoregressive { coefficient: 0.8 },
        ] {
            for between_runs in [0.0, 0.02, 0.05] {
                let wrong = regressed(law, 100, 1.0, between_runs);
                assert!(wrong <= 20, "{law:?} {between_runs}: {wrong} of 400");
            }
        }
    }

    #[test]
    fn a_single_run_shows_a_slower_path() {
        // By 30 % where runs differ by their rounds alone, by 40 % where they also differ as much
        // as is allowed for.
        for (slowdown, between_runs) in [(1.3, 0.0), (1.4, BETWEEN_RUNS)] {
            for (law, rounds) in [
                (Law::Normal { relative: 0.1 }, 200),
                (Law::Outliers { share: 0.02 }, 400),
                (Law::CommonDrift { coefficient: 0.9, sigma: 0.4 }, 1_000),
            ] {
                let seen = regressed(law, rounds, slowdown, between_runs);
                // The rest is undecided: some independent rounds look correlated by chance.
                assert!(seen >= 370, "{law:?} {slowdown}: {seen} of 400");
            }
        }
    }
}
