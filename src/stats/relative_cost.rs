//! The cost of a path in terms of the cheapest exchanges with the same servers in the same rounds.
//!
//! A hit and a read of MySQL are divided by their control: a round trip, or for large entries a
//! bare transfer. A miss asks MySQL what the path `mysql` asks, so that is subtracted first: what
//! remains is the cache's own work, whatever MySQL did. All sides of a round saw the machine in the
//! same moment, so a busy or a slower one hardly moves the result.

use super::bootstrap::Bootstrap;
use super::estimate::{Estimate, Missing};
use super::rounds::{Column, PathRounds};
use super::typical_ratio::{typical_excess, typical_ratio};
use crate::samples::round_series::RoundSums;
use crate::units::whole;

/// Once by typical reads, once by means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelativeCost {
    pub(crate) typical: Result<Estimate, Missing>,
    pub(crate) mean: Result<Estimate, Missing>,
}

impl RelativeCost {
    /// `path / control`
    pub(crate) fn new(path: &[RoundSums], control: &[RoundSums], groups: &[u32], rng_seed: u64) -> Self {
        let steady = steady(control);
        let rounds = PathRounds { mysql: path, cold: &[], warm: &steady, groups };
        Self {
            typical: typical_ratio(path, control, groups),
            mean: Bootstrap::new(&rounds, rng_seed).ratio(Column::Mysql, Column::Warm),
        }
    }

    /// `(cold - mysql) / control`
    pub(crate) fn of_excess(
        cold: &[RoundSums],
        mysql: &[RoundSums],
        control: &[RoundSums],
        groups: &[u32],
        rng_seed: u64,
    ) -> Self {
        let steady = steady(control);
        let rounds = PathRounds { mysql, cold, warm: &steady, groups };
        Self {
            typical: typical_excess(cold, mysql, control, groups),
            mean: Bootstrap::new(&rounds, rng_seed).excess_ratio(),
        }
    }
}

/// The control's typical reads: a few of them are made in a round, and one that was held up would
/// move their mean.
fn steady(control: &[RoundSums]) -> Vec<RoundSums> {
    let typical = |sums: &RoundSums| match sums.count {
        0 => RoundSums::default(),
        count => RoundSums::alike(count, whole(sums.typical_ns() * count as f64)),
    };
    control.iter().map(typical).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Law;

    fn scaled(rounds: &[RoundSums], factor: f64) -> Vec<RoundSums> {
        let scale = |sums: &RoundSums| RoundSums::alike(sums.count, whole(sums.sum_ns as f64 * factor));
        rounds.iter().map(scale).collect()
    }

    #[test]
    fn a_slower_machine_and_a_slower_mysql_leave_a_miss_alone() {
        let [mysql, cold, control] = Law::CommonDrift { coefficient: 0.9, sigma: 0.4 }.rounds(200, 7);
        let cost = RelativeCost::of_excess(&cold, &mysql, &control, &[], 1);
        // (3 ms - 1 ms) / 0.2 ms
        let typical = cost.typical.unwrap();
        assert!((8.0..12.0).contains(&typical.value), "{typical:?}");
        assert!(cost.mean.unwrap().ci95.contains(10.0), "{:?}", cost.mean);
        let [mysql, cold, control] = [mysql, cold, control].map(|rounds| scaled(&rounds, 2.0));
        let slower = RelativeCost::of_excess(&cold, &mysql, &control, &[], 1).typical.unwrap();
        assert!((slower.value / typical.value - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_round_trip_that_was_held_up_moves_neither() {
        let control = |held_up_ns: u64| {
            let mut round = RoundSums::alike(9, 9 * 20_000);
            round.record(held_up_ns);
            vec![round; 20]
        };
        let hits = vec![RoundSums::alike(10, 10 * 40_000); 20];
        let calm = RelativeCost::new(&hits, &control(20_000), &[], 1);
        let stalled = RelativeCost::new(&hits, &control(2_000_000), &[], 1);
        assert!((calm.mean.unwrap().value - 2.0).abs() < 1e-3);
        assert!(stalled.mean.unwrap().value > 1.2, "{stalled:?}");
    }

    #[test]
    fn what_was_not_measured_is_withheld() {
        let rounds = vec![RoundSums::alike(1, 10); 20];
        assert_eq!(RelativeCost::new(&rounds, &[], &[], 1).typical, Err(Missing::NoReads));
        assert_eq!(RelativeCost::new(&rounds, &[], &[], 1).mean, Err(Missing::NoReads));
        assert_eq!(RelativeCost::of_excess(&rounds, &[], &rounds, &[], 1).mean, Err(Missing::NoReads));
    }
}
