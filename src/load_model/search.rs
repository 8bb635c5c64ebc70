//! Searches the highest rate at which a condition holds, by trials that chance may deceive: doubling, then bisection in the
//! logarithm of the rate. A rate counts as decided when two of at most three trials agree.

/// The search for one strategy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Search {
    /// The rate of the next trial.
    rate: f64,
    holds: u8,
    fails: u8,
    /// The highest rate at which it held, and the lowest at which it did not.
    low: Option<f64>,
    high: Option<f64>,
    end: Option<Found>,
    trials: u32,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// The highest rate lies between these.
    Between { low: f64, high: f64 },
    /// It held up to here, and this machine or the highest rate that is offered was the limit, not the servers.
    AtLeast(f64),
    /// It did not even hold here.
    NotAt(f64),
}

/// One trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Holds,
    Fails,
    /// It failed because this machine could not do more.
    OwnLimit,
}

/// The search ends when the ends of its interval differ by less: their middle is then within 5 % of both.
const PRECISION: f64 = 1.1;
const LOWEST_PER_S: f64 = 1.0;
const HIGHEST_PER_S: f64 = 10_000_000.0;
const AGREE: u8 = 2;

impl Search {
    /// Begins at a rate at which it probably holds.
    pub(crate) fn new(first_per_s: f64) -> Self {
        let rate = if first_per_s.is_finite() {
            first_per_s.clamp(LOWEST_PER_S, HIGHEST_PER_S)
        } else {
            LOWEST_PER_S
        };
        Self { rate, holds: 0, fails: 0, low: None, high: None, end: None, trials: 0 }
    }

    /// The rate to try next; none when the search is over.
    pub(crate) fn next_per_s(&self) -> Option<f64> {
        self.end.is_none().then_some(self.rate)
    }

    /// Trials are short until an upper bound is known.
    pub(crate) fn is_precise(&self) -> bool {
        self.low.is_some() && self.high.is_some()
    }

    pub(crate) fn trials(&self) -> u32 {
        self.trials
    }

    /// What a trial at that rate saw.
    pub(crate) fn add(&mut self, seen: Seen) {
        self.trials += 1;
        match seen {
            Seen::OwnLimit => {
                self.end = Some(self.low.map_or(Found::NotAt(self.rate), Found::AtLeast));
                return;
            }
            Seen::Holds => self.holds += 1,
            Seen::Fails => self.fails += 1,
        }
        if self.holds < AGREE && self.fails < AGREE {
            return;
        }
        if self.holds >= AGREE {
            self.low = Some(self.rate)
        } else {
            self.high = Some(self.rate)
        }
        (self.holds, self.fails) = (0, 0);
        self.decide();
    }

    fn decide(&mut self) {
        match (self.low, self.high) {
            (Some(low), Some(high)) if high <= low * PRECISION => {
                self.end = Some(Found::Between { low, high })
            }
            (Some(low), Some(high)) => self.rate = (low * high).sqrt(),
            (Some(low), None) if low >= HIGHEST_PER_S => self.end = Some(Found::AtLeast(low)),
            (Some(low), None) => self.rate = (low * 2.0).min(HIGHEST_PER_S),
            (None, Some(high)) if high <= LOWEST_PER_S => self.end = Some(Found::NotAt(high)),
            (None, Some(high)) => self.rate = (high / 8.0).max(LOWEST_PER_S),
            (None, None) => {}
        }
    }

    /// What is known, also before the end.
    pub(crate) fn found(&self) -> Option<Found> {
        self.end.or(match (self.low, self.high) {
            (Some(low), Some(high)) => Some(Found::Between { low, high }),
            (Some(low), None) => Some(Found::AtLeast(low)),
            (None, Some(high)) => Some(Found::NotAt(high)),
            (None, None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrivals::{Arrivals, DueTimes};
    use super::*;

    fn search(first: f64, mut trial: impl FnMut(f64, u32) -> Seen) -> (Option<Found>, u32) {
        let mut search = Search::new(first);
        while let Some(rate) = search.next_per_s() {
            assert!(search.trials() < 200, "it must end");
            let seen = trial(rate, search.trials());
            search.add(seen);
        }
        (search.found(), search.trials())
    }

    #[test]
    fn a_sharp_limit_is_enclosed() {
        for limit in [1.5, 37.0, 3_000.0, 2e6] {
            for first in [1.0, 500.0, 1e6] {
                let (found, _) =
                    search(first, |rate, _| if rate < limit { Seen::Holds } else { Seen::Fails });
                let Some(Found::Between { low, high }) = found else { panic!("{found:?}") };
                assert!(low < limit && limit <= high && high <= low * PRECISION, "{limit}: {low} to {high}");
            }
        }
    }

    #[test]
    fn one_wrong_trial_in_three_changes_nothing() {
        // Each first trial at a rate lies.
        let mut last = (0.0, 0);
        let (found, _) = search(100.0, |rate, _| {
            last = if (last.0 - rate).abs() < 1e-9 { (rate, last.1 + 1) } else { (rate, 0) };
            if (rate < 1_000.0) == (last.1 > 0) { Seen::Holds } else { Seen::Fails }
        });
        let Some(Found::Between { low, high }) = found else { panic!("{found:?}") };
        assert!(low < 1_000.0 && high >= 1_000.0);
    }

    #[test]
    fn everywhere_nowhere_and_the_limit_of_this_machine_are_told_apart() {
        assert_eq!(search(100.0, |_, _| Seen::Holds).0, Some(Found::AtLeast(HIGHEST_PER_S)));
        assert_eq!(search(100.0, |_, _| Seen::Fails).0, Some(Found::NotAt(LOWEST_PER_S)));
        let own = |rate: f64, _| if rate < 1_000.0 { Seen::Holds } else { Seen::OwnLimit };
        assert_eq!(search(100.0, own).0, Some(Found::AtLeast(800.0)));
        assert_eq!(search(5_000.0, own).0, Some(Found::NotAt(5_000.0)));
        assert_eq!(Search::new(f64::NAN).next_per_s(), Some(LOWEST_PER_S));
    }

    const SERVICE_S: f64 = 0.001;

    /// p99 of the time in a queue with one server of constant service, by simulation (Lindley's recursion).
    fn p99_s(rate: f64, seconds: f64, seed: u64) -> f64 {
        let due = DueTimes::new(Arrivals::Poisson, rate, seconds, seed);
        let mut free_s = 0.0_f64;
        let mut responses: Vec<f64> = (0..due.count())
            .map(|number| {
                let due_s = due.due_ns(number).unwrap() as f64 / 1e9;
                free_s = free_s.max(due_s) + SERVICE_S;
                free_s - due_s
            })
            .collect();
        responses.sort_by(f64::total_cmp);
        responses[(responses.len() * 99).div_ceil(100) - 1]
    }

    /// The chance to wait no longer than `wait_s` in an M/D/1 queue (Erlang 1909).
    fn waits_no_longer(rate: f64, wait_s: f64) -> f64 {
        let steps = u32::try_from(crate::units::whole((wait_s / SERVICE_S).floor())).unwrap();
        let term = |k: u32| {
            let x = rate * (f64::from(k) * SERVICE_S - wait_s);
            let factorial: f64 = (1..=k).map(f64::from).product();
            x.powi(i32::try_from(k).unwrap()) / factorial * (-x).exp()
        };
        (1.0 - rate * SERVICE_S) * (0..=steps).map(term).sum::<f64>()
    }

    #[test]
    fn a_queue_of_known_law_is_found_within_five_percent() {
        // p99 < 5 ms is a wait of less than 4 ms.
        let (mut low, mut high) = (1.0, 999.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if waits_no_longer(middle, 0.005 - SERVICE_S) >= 0.99 { low = middle } else { high = middle }
        }
        let exact = low;
        assert!((500.0..900.0).contains(&exact), "{exact}");
        for first in [50.0, 300.0, 900.0] {
            let (found, trials) = search(first, |rate, trial| {
                let seconds = 60.0;
                if p99_s(rate, seconds, u64::from(trial) * 7 + 1) < 0.005 { Seen::Holds } else { Seen::Fails }
            });
            let Some(Found::Between { low, high }) = found else { panic!("{found:?}") };
            let middle = (low * high).sqrt();
            assert!((middle / exact - 1.0).abs() < 0.07, "{middle} for {exact} after {trials} trials");
        }
    }
}
