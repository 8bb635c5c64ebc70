//! Searches the highest rate at which a condition holds, by trials that chance may deceive:
//! doubling, then bisection in the logarithm of the rate. A rate counts as decided when two of at
//! most three trials agree. One wrong decision would lead all that follow to its own rate; so a
//! bound at which the search ends without having come near it again is tried once more.

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
    /// The number of decisions since then.
    low_age: u8,
    high_age: u8,
    /// A bound has turned out to be wrong: the right one is near.
    is_near: bool,
    end: Option<Found>,
    trials: u32,
}

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// The highest rate lies between these.
    Between { low: f64, high: f64 },
    /// It held up to here, and this machine or the highest rate that is offered was the limit, not
    /// the servers.
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

/// The search ends when the ends of its interval differ by less: their middle is then within 3 % of
/// both, which leaves room for chance in what is to be within 5 %.
const PRECISION: f64 = 1.06;
const LOWEST_PER_S: f64 = 1.0;
const HIGHEST_PER_S: f64 = 10_000_000.0;
const AGREE: u8 = 2;
/// A bound that was decided so many decisions ago is tried again before the end.
const OLD: u8 = 2;

impl Search {
    /// Begins at a rate at which it probably holds.
    pub(crate) fn new(first_per_s: f64) -> Self {
        let rate = if first_per_s.is_finite() {
            first_per_s.clamp(LOWEST_PER_S, HIGHEST_PER_S)
        } else {
            LOWEST_PER_S
        };
        Self {
            rate,
            holds: 0,
            fails: 0,
            low: None,
            high: None,
            low_age: 0,
            high_age: 0,
            is_near: false,
            end: None,
            trials: 0,
        }
    }

    /// The rate to try next; none when the search is over.
    pub(crate) fn next_per_s(&self) -> Option<f64> {
        self.end.is_none().then_some(self.rate)
    }

    /// Trials are short until an upper bound is known.
    pub(crate) fn is_precise(&self) -> bool {
        self.low.is_some() && self.high.is_some()
    }

    /// The highest rate that was decided to hold.
    pub(crate) fn held_per_s(&self) -> Option<f64> {
        self.low
    }

    pub(crate) fn trials(&self) -> u32 {
        self.trials
    }

    /// Adds the result of a trial at that rate.
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
        (self.low_age, self.high_age) = (self.low_age.saturating_add(1), self.high_age.saturating_add(1));
        if self.holds >= AGREE {
            self.low = Some(self.rate);
            self.low_age = 0;
            self.high = self.high.filter(|high| *high > self.rate);
        } else {
            self.high = Some(self.rate);
            self.high_age = 0;
            self.low = self.low.filter(|low| *low < self.rate);
        }
        (self.holds, self.fails) = (0, 0);
        self.decide();
    }

    fn decide(&mut self) {
        let near = PRECISION * PRECISION;
        match (self.low, self.high) {
            (Some(low), Some(high)) if high <= low * PRECISION => {
                if self.high_age >= OLD {
                    (self.rate, self.is_near) = (high, true);
                } else if self.low_age >= OLD {
                    (self.rate, self.is_near) = (low, true);
                } else {
                    self.end = Some(Found::Between { low, high });
                }
            }
            (Some(low), Some(high)) => self.rate = (low * high).sqrt(),
            (Some(low), None) if low >= HIGHEST_PER_S => self.end = Some(Found::AtLeast(low)),
            (Some(low), None) => {
                self.rate = (low * if self.is_near { near } else { 2.0 }).min(HIGHEST_PER_S);
            }
            (None, Some(high)) if high <= LOWEST_PER_S => self.end = Some(Found::NotAt(high)),
            (None, Some(high)) => {
                self.rate = (high / if self.is_near { near } else { 8.0 }).max(LOWEST_PER_S);
            }
            (None, None) => {}
        }
    }

    /// The result so far, also before the end.
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
}
