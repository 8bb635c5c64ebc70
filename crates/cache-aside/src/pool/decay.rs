//! The number of idle connections that are kept: as many as were needed at once lately.

use std::time::{Duration, Instant};

/// A connection that was idle for this long without a break is not needed.
const WINDOW: Duration = Duration::from_secs(5);

/// The fewest connections that were idle at any moment of the window: so many were not needed.
#[derive(Default)]
pub(super) struct Decay {
    fewest_idle: usize,
    ends_at: Option<Instant>,
}

impl Decay {
    /// One was taken, and so many are left.
    #[inline]
    pub(super) fn taken(&mut self, left: usize) {
        self.fewest_idle = self.fewest_idle.min(left);
    }

    /// One was given back, and so many are idle; how many of them to close. Half of those that were
    /// not needed, so that a load that comes and goes does not close and open all of them each
    /// time.
    #[inline]
    pub(super) fn unneeded(&mut self, now: Instant, idle: usize) -> usize {
        match self.ends_at {
            Some(ends_at) if now < ends_at => return 0,
            Some(_) => {}
            None => self.fewest_idle = 0,
        }
        let unneeded = self.fewest_idle.div_ceil(2);
        self.ends_at = Some(now + WINDOW);
        self.fewest_idle = idle.saturating_sub(unneeded);
        unneeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows in which at most `used` of `idle` connections are used at once; how many stay.
    fn after(windows: u32, mut idle: usize, used: usize) -> usize {
        let (mut decay, start) = (Decay::default(), Instant::now());
        for window in 0..=windows {
            for step in 0..10 {
                decay.taken(idle - used);
                let now = start + WINDOW * window + WINDOW / 10 * step;
                idle -= decay.unneeded(now, idle);
            }
        }
        idle
    }

    #[test]
    fn what_is_needed_stays_and_half_of_the_rest_goes_with_each_window() {
        assert_eq!(after(10, 100, 100), 100);
        assert_eq!(after(1, 100, 60), 80);
        assert_eq!(after(20, 100, 60), 60);
        assert_eq!(after(20, 500, 1), 1);
    }
}
