//! The clock. Every latency that rcache reports was taken by [`timed`].

use std::time::Instant;

use jiff::Timestamp;

/// Runs the work and says how long it took, ns.
#[inline]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let outcome = work();
    let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    (outcome, ns)
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
        self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub(crate) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
