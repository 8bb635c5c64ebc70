//! The clock. Every latency that rcache reports was taken by [`timed`] or [`timed_in_parts`].

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::model::phase::{Phase, PhaseTimes};

/// Runs the work and says how long it took, ns.
#[inline]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let outcome = work();
    (outcome, ns(start.elapsed()))
}

/// In 64 bits, which are enough for 584 years: `Duration` counts in 128, and this is within what
/// each read costs.
#[inline]
fn ns(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}

/// The time of a read, as a whole and by its phases.
pub(crate) struct InParts<T> {
    pub(crate) outcome: T,
    pub(crate) ns: u64,
    pub(crate) parts: PhaseTimes,
}

/// Looks at the clock wherever a part of a read ends; the next one begins there.
pub(crate) struct Laps {
    last: Instant,
    parts: PhaseTimes,
}

impl Laps {
    #[inline]
    pub(crate) fn end(&mut self, part: Phase) {
        let now = Instant::now();
        self.parts.add(part, ns(now.duration_since(self.last)));
        self.last = now;
    }
}

/// Like [`timed`], for work that says where its phases end. They share their borders, so that
/// nothing between the beginning and the end of the last one is in none of them; each costs one
/// more look at the clock.
#[inline]
pub(crate) fn timed_in_parts<T>(work: impl FnOnce(&mut Laps) -> T) -> InParts<T> {
    let start = Instant::now();
    let mut laps = Laps { last: start, parts: PhaseTimes::default() };
    let outcome = work(&mut laps);
    let ns = ns(start.elapsed());
    InParts { outcome, ns, parts: laps.parts }
}

/// Processor time of this thread so far, ns, in and out of the kernel.
pub(super) fn processor_ns() -> u64 {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).map_or(0, ns)
}

/// Processor time of the whole process so far, s.
pub(crate) fn process_processor_s() -> f64 {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).map_or(0.0, |time| time.as_secs_f64())
}

/// When a run began, and how long it has lasted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started_at: Timestamp,
    started: Instant,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self { started_at: Timestamp::now(), started: Instant::now() }
    }

    /// RFC 3339, UTC, whole seconds.
    pub(crate) fn started_at(&self) -> String {
        crate::units::rfc3339(self.started_at)
    }

    pub(crate) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
