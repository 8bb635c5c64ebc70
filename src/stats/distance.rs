//! The results with the servers further away: each round trip of a read takes so much longer.

use super::bootstrap::Bootstrap;
use super::break_even::BreakEven;
use super::estimate::{Estimate, Missing};
use super::rounds::{Column, PATHS};
use crate::samples::request_counts::Exchanges;

/// Time that every round trip to a server takes in addition, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Distance {
    pub(crate) mysql_ns: f64,
    pub(crate) redis_ns: f64,
}

/// The results at a distance, each with its interval or the reason why there is none.
#[derive(Clone, Debug)]
pub(crate) struct AtDistance {
    pub(crate) distance: Distance,
    /// In the order mysql, cold, warm.
    pub(crate) means_ns: [Result<Estimate, Missing>; PATHS],
    pub(crate) speedup: Result<Estimate, Missing>,
    pub(crate) miss_penalty: Result<Estimate, Missing>,
    pub(crate) break_even: BreakEven,
}

/// Round trips of one read, on average: to MySQL, to Redis. Zero without reads.
pub(crate) fn per_read(exchanges: Exchanges, reads: u64) -> [f64; 2] {
    [exchanges.mysql, exchanges.redis].map(|count| if reads > 0 { count as f64 / reads as f64 } else { 0.0 })
}

/// Adds the distance to each path as often as it goes there. The distance is a constant, so the
/// intervals keep their width in ns. What a longer way does to long answers (a connection's window)
/// is not included.
pub(super) fn at(bootstrap: &Bootstrap, exchanges: [[f64; 2]; PATHS], distance: Distance) -> AtDistance {
    let extra_ns = exchanges.map(|[mysql, redis]| mysql * distance.mysql_ns + redis * distance.redis_ns);
    let moved = bootstrap.later_by(extra_ns);
    AtDistance {
        distance,
        means_ns: [Column::Mysql, Column::Cold, Column::Warm].map(|path| moved.mean_ns(path)),
        speedup: moved.speedup(),
        miss_penalty: moved.miss_penalty(),
        break_even: moved.break_even(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::round_series::RoundSums;
    use crate::stats::rounds::PathRounds;
    use crate::stats::simulation::Law;

    const EXCHANGES: [[f64; 2]; 3] = [[1.0, 0.0], [1.0, 3.0], [0.0, 1.0]];

    fn results(rounds: &[Vec<RoundSums>; 3], distance_ns: f64) -> AtDistance {
        let [mysql, cold, warm] = rounds;
        let paths = PathRounds { mysql, cold, warm, groups: &[] };
        let distance = Distance { mysql_ns: distance_ns, redis_ns: distance_ns };
        at(&Bootstrap::new(&paths, 42), EXCHANGES, distance)
    }

    #[test]
    fn it_is_what_slower_round_trips_would_have_measured() {
        let near = Law::Lognormal { sigma: 0.3 }.rounds(100, 1);
        let mut far = near.clone();
        for (rounds, [mysql, redis]) in far.iter_mut().zip(EXCHANGES) {
            for sums in rounds {
                *sums = RoundSums::alike(1, sums.sum_ns + crate::units::whole(500e3 * (mysql + redis)));
            }
        }
        let (computed, measured) = (results(&near, 500e3), results(&far, 0.0));
        let is_near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-6;
        let pairs = [
            (computed.means_ns[1], measured.means_ns[1]),
            (computed.speedup, measured.speedup),
            (computed.miss_penalty, measured.miss_penalty),
        ];
        for (computed, measured) in pairs {
            let (computed, measured) = (computed.unwrap(), measured.unwrap());
            assert!(is_near(computed.value, measured.value), "{computed:?} {measured:?}");
            assert!(is_near(computed.ci95.low, measured.ci95.low));
            assert!(is_near(computed.ci95.high, measured.ci95.high));
        }
        let break_even = |found: &AtDistance| found.break_even.estimate().unwrap().value;
        assert!(is_near(break_even(&computed), break_even(&measured)));
        assert!(break_even(&computed) < break_even(&results(&near, 0.0)) + 0.2);
    }

    #[test]
    fn a_miss_that_goes_further_moves_the_break_even_up() {
        // As measured on a loopback: MySQL 70 µs, a miss 186 µs, a hit 27 µs.
        let rounds = [70_000, 186_000, 27_000].map(|ns| {
            (0..50).map(|round| RoundSums::alike(1, ns + ns * (round % 5) / 100)).collect::<Vec<_>>()
        });
        let ratio = |distance_ns| results(&rounds, distance_ns).break_even.estimate().unwrap().value;
        assert!((ratio(0.0) - 0.73).abs() < 0.01, "{}", ratio(0.0));
        assert!((ratio(1e6) - 0.98).abs() < 0.01, "{}", ratio(1e6));
    }

    #[test]
    fn round_trips_are_counted_a_read() {
        let exchanges = Exchanges { mysql: 100, redis: 302 };
        assert_eq!(per_read(exchanges, 100), [1.0, 3.02]);
        assert_eq!(per_read(exchanges, 0), [0.0; 2]);
    }
}
