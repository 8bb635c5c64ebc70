//! The time of a trial as its clients see it: that of a shift, or a made one in tests.

use std::time::Duration;

use crate::measure::timer;
use crate::scenario::run_clients::RunTime;

pub(super) trait Time {
    /// Since the clients began.
    fn elapsed(&self) -> Duration;

    /// Whether there is time left, and no interrupt.
    fn goes_on(&self) -> bool;

    /// Sleeps until an instant, counted from when the clients began.
    fn sleep_until(&self, since: Duration);

    /// Sleeps, but not beyond the end.
    fn pause(&self, pause: Duration);
}

impl Time for RunTime {
    fn elapsed(&self) -> Duration {
        self.elapsed()
    }

    fn goes_on(&self) -> bool {
        self.goes_on()
    }

    fn sleep_until(&self, since: Duration) {
        timer::sleep_until(self.instant(since));
    }

    fn pause(&self, pause: Duration) {
        self.pause(pause);
    }
}
