//! Keeps the time that a connection keeps the database busy below a share of all time.

use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt;

/// Idle time that may be made up for later.
const MOST_CREDIT: Duration = Duration::from_millis(250);
/// An interrupt ends a rest within this time.
const LOOK: Duration = Duration::from_millis(50);

/// The share of one connection, and what it owes.
#[derive(Debug)]
pub(super) struct Pace {
    percent: u8,
    since: Instant,
    account: Account,
}

impl Pace {
    /// At most `percent` of 100 of the time.
    pub(super) fn new(percent: u8) -> Self {
        Self { percent: percent.clamp(1, 100), since: Instant::now(), account: Account::default() }
    }

    /// Rests for as long as the database time since the last rest asks for.
    pub(super) fn rest(&mut self, busy: Duration) {
        let rest = self.account.owed(busy, self.since.elapsed(), self.percent);
        self.since = Instant::now();
        while self.since.elapsed() < rest && !interrupt::requested() {
            thread::sleep(LOOK.min(rest.saturating_sub(self.since.elapsed())));
        }
    }
}

/// Idle time that is owed, or was in excess.
#[derive(Debug, Default)]
struct Account {
    owed: Duration,
    credit: Duration,
}

impl Account {
    /// The rest that is owed after `elapsed`, of which the database was busy for `busy`.
    fn owed(&mut self, busy: Duration, elapsed: Duration, percent: u8) -> Duration {
        let rest = busy.mul_f64(f64::from(100 - percent) / f64::from(percent));
        let due = self.owed + rest;
        let idle = elapsed.saturating_sub(busy) + self.credit;
        self.owed = due.saturating_sub(idle);
        self.credit = idle.saturating_sub(due).min(MOST_CREDIT);
        self.owed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_share_is_kept_and_used(percent in 1u8..=100, blocks in prop::collection::vec(1u64..200, 20..60)) {
            let mut account = Account::default();
            let (mut busy_ms, mut elapsed) = (0, Duration::ZERO);
            let mut rest = Duration::ZERO;
            for ms in blocks {
                let busy = Duration::from_millis(ms);
                // The rest of before is part of the time until this call.
                elapsed += rest + busy;
                rest = account.owed(busy, rest + busy, percent);
                busy_ms += ms;
            }
            let share = busy_ms as f64 / (elapsed + rest).as_secs_f64() / 10.0;
            prop_assert!((share - f64::from(percent)).abs() < 0.01, "{share} of {percent}");
        }
    }

    #[test]
    fn idle_time_counts_and_is_not_hoarded() {
        let ms = Duration::from_millis;
        let mut account = Account::default();
        assert_eq!(account.owed(ms(10), ms(15), 50), ms(5));
        assert_eq!(account.owed(ms(0), ms(5), 50), ms(0));
        assert_eq!(account.owed(ms(0), ms(60_000), 50), ms(0));
        assert_eq!(account.owed(ms(1_000), ms(1_000), 50), ms(750));
    }
}
