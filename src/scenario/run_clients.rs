//! Many clients at once: they start together, go on until time is over or a signal comes, and
//! return what they saw.

use std::sync::Barrier;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::{client_threads, interrupt};

/// The interval at which the waiting thread looks whether time is over.
const TICK: Duration = Duration::from_millis(50);

/// A client panicked; what it saw is lost.
#[derive(Debug, thiserror::Error)]
#[error(
    "a client of the experiment stopped in the middle of its work; please report this as a bug of rcache"
)]
pub(crate) struct Lost;

/// The time for which clients run.
pub(crate) struct RunTime {
    duration: Duration,
    started: OnceLock<Instant>,
}

impl RunTime {
    /// Whether there is time left, and no signal came.
    pub(crate) fn goes_on(&self) -> bool {
        self.elapsed() < self.duration && !interrupt::requested()
    }

    /// Since the clients began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The instant so long after the clients began.
    pub(crate) fn instant(&self, since: Duration) -> Instant {
        self.started.get().copied().unwrap_or_else(Instant::now) + since
    }

    /// Sleeps, but not beyond the end.
    pub(crate) fn pause(&self, pause: Duration) {
        thread::sleep(pause.min(self.duration.saturating_sub(self.elapsed())));
    }
}

/// Lets every client work in a thread of its own, all at the same time, and returns what they
/// return, in their order. `work` asks [`RunTime::goes_on`]. `progress` hears now and then how
/// long it has lasted.
pub(crate) fn run<C: Send, T: Send>(
    clients: Vec<C>,
    duration: Duration,
    work: impl Fn(C, &RunTime) -> T + Sync,
    progress: &mut dyn FnMut(Duration),
) -> Result<Vec<T>, Lost> {
    let run_time = RunTime { duration, started: OnceLock::new() };
    let all_here = Barrier::new(clients.len());
    let work = |client| {
        all_here.wait();
        run_time.started.get_or_init(Instant::now);
        work(client, &run_time)
    };
    let watch = |is_running: &dyn Fn() -> bool| {
        while is_running() {
            thread::sleep(TICK);
            progress(run_time.elapsed().min(duration));
        }
    };
    let ((), results) = client_threads::run(clients, work, watch);
    results.into_iter().map(|result| result.map_err(|_| Lost)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nobody_begins_before_all_are_there_and_all_come_back_in_order() {
        let here = AtomicUsize::new(0);
        let seen = run(
            (0..8).collect(),
            Duration::ZERO,
            |client: usize, run_time| {
                here.fetch_add(1, Ordering::SeqCst);
                assert!(!run_time.goes_on(), "no time was given");
                client
            },
            &mut |_| (),
        );
        assert_eq!(seen.unwrap(), (0..8).collect::<Vec<_>>());
        assert_eq!(here.into_inner(), 8);
    }

    #[test]
    fn a_client_that_panics_is_lost_and_hangs_nobody() {
        let lost =
            run(vec![0, 1], Duration::ZERO, |client, _| assert_eq!(client, 0, "on purpose"), &mut |_| ());
        assert!(lost.is_err());
    }
}
