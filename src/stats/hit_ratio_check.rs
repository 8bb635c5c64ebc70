//! The cost of reads at a hit ratio that was enforced, beside the prediction of the cold and the
//! warm path: the hit-ratio curve put to the test.

use super::bootstrap::Bootstrap;
use super::comparison::{self, Spread};
use super::estimate::{Estimate, Missing};
use super::rounds::PathRounds;
use crate::samples::round_series::RoundSums;

/// Mean latencies in ns at the hit ratio that the cache counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verified {
    pub(crate) measured_ns: Result<Estimate, Missing>,
    pub(crate) expected_ns: Result<Estimate, Missing>,
    /// measured / expected. Both come from the same rounds and share their luck, which this
    /// leaves out of account: the interval is rather too wide.
    pub(crate) ratio: Result<Estimate, Missing>,
}

impl Verified {
    /// The result if nothing was read.
    pub(crate) const NOTHING: Self = Self {
        measured_ns: Err(Missing::NoReads),
        expected_ns: Err(Missing::NoReads),
        ratio: Err(Missing::NoReads),
    };

    /// Hits and misses are strata: their shares were set, so only the times within each are
    /// uncertain.
    pub(crate) fn of(
        hits: &[RoundSums],
        misses: &[RoundSums],
        groups: &[u32],
        hit_ratio: f64,
        paths: &Bootstrap,
        rng_seed: u64,
    ) -> Self {
        let mixed = Bootstrap::new(&PathRounds { mysql: &[], cold: misses, warm: hits, groups }, rng_seed);
        let measured_ns = mixed.mean_at_hit_ratio_ns(hit_ratio);
        let expected_ns = paths.mean_at_hit_ratio_ns(hit_ratio);
        let ratio = match (expected_ns, measured_ns) {
            (Ok(expected), Ok(measured)) => {
                comparison::ratio((expected, Spread::SAME_RUN), (measured, Spread::SAME_RUN))
                    .ok_or(Missing::Unstable)
            }
            (Err(missing), _) | (_, Err(missing)) => Err(missing),
        };
        Self { measured_ns, expected_ns, ratio }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Law;

    const LAW: Law = Law::Lognormal { sigma: 0.3 };

    #[test]
    fn the_same_times_agree_and_others_do_not() {
        let [mysql, cold, warm] = LAW.rounds(100, 1);
        let paths = Bootstrap::new(&PathRounds { mysql: &mysql, cold: &cold, warm: &warm, groups: &[] }, 42);
        let [_, misses, hits] = LAW.rounds(100, 2);
        let verified = Verified::of(&hits, &misses, &[], 0.8, &paths, 42);
        assert!(verified.ratio.unwrap().ci95.contains(1.0), "{verified:?}");
        assert_eq!(verified.expected_ns, paths.mean_at_hit_ratio_ns(0.8));
        let slower: Vec<RoundSums> =
            hits.iter().map(|sums| RoundSums::alike(sums.count, sums.sum_ns * 2)).collect();
        let verified = Verified::of(&slower, &misses, &[], 1.0, &paths, 42);
        let ratio = verified.ratio.unwrap();
        assert!((ratio.value - 2.0).abs() < 0.2 && ratio.ci95.low > 1.5, "{ratio:?}");
    }

    #[test]
    fn too_few_misses_say_so() {
        let [mysql, cold, warm] = LAW.rounds(100, 1);
        let paths = Bootstrap::new(&PathRounds { mysql: &mysql, cold: &cold, warm: &warm, groups: &[] }, 42);
        let mut misses = vec![RoundSums::default(); 100];
        misses[7] = cold[7];
        let verified = Verified::of(&warm, &misses, &[], 0.99, &paths, 42);
        assert!(matches!(verified.ratio, Err(Missing::TooFewRounds { rounds: 1, .. })), "{verified:?}");
        assert!(verified.expected_ns.is_ok());
        // All hits need no misses.
        assert!(Verified::of(&warm, &[], &[], 1.0, &paths, 42).ratio.is_ok());
        assert_eq!(Verified::of(&[], &[], &[], 0.8, &paths, 42).ratio, Err(Missing::NoReads));
    }
}
