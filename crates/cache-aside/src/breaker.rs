//! Keeps reads away from a Redis that does not answer, so that an outage costs a timeout now and then and not one for
//! every read. It counts failures of the connection alone: an answer is an answer, whatever it says.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 3;
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Whether Redis may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Free,
    /// Redis has rested for a while; this one asks how it is.
    Probe,
    Refused,
}

/// The breaker's memory, pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, rest: Duration },
}

impl State {
    fn permit(&mut self, now: Instant) -> Permit {
        match self {
            Self::Closed { .. } => Permit::Free,
            Self::Open { until, .. } if now < *until => Permit::Refused,
            Self::Open { until, rest } => {
                // Whoever else comes waits for another rest, also where this probe is never heard of again.
                *until = now + *rest;
                Permit::Probe
            }
        }
    }

    /// After a failure; `luck` is drawn evenly from [0, 1).
    fn failed(self, permit: Permit, now: Instant, luck: f64) -> Self {
        let jittered = |rest: Duration| now + rest.mul_f64(1.0 + luck.clamp(0.0, 1.0) / 4.0);
        match self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } => Self::Open { until: jittered(FIRST_REST), rest: FIRST_REST },
            Self::Open { rest, .. } if permit == Permit::Probe => {
                let rest = (rest * 2).min(LONGEST_REST);
                Self::Open { until: jittered(rest), rest }
            }
            // Commands that were sent before it opened, and writers, who ask in any case.
            Self::Open { .. } => self,
        }
    }
}

/// Shared by all threads; costs one look at a flag while all is well.
pub(crate) struct Breaker {
    is_calm: AtomicBool,
    state: Mutex<State>,
    opened: AtomicU64,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            is_calm: AtomicBool::new(true),
            state: Mutex::new(State::Closed { failures: 0 }),
            opened: AtomicU64::new(0),
        }
    }

    pub(crate) fn permit(&self) -> Permit {
        if self.is_calm.load(Ordering::Acquire) {
            return Permit::Free;
        }
        self.change(|state| state.permit(Instant::now()))
    }

    /// Redis answered.
    pub(crate) fn succeeded(&self) {
        if !self.is_calm.load(Ordering::Acquire) {
            self.change(|state| *state = State::Closed { failures: 0 });
        }
    }

    /// The connection failed.
    pub(crate) fn failed(&self, permit: Permit) {
        self.change(|state| {
            let was_closed = matches!(state, State::Closed { .. });
            *state = state.failed(permit, Instant::now(), rand::random());
            if was_closed && matches!(state, State::Open { .. }) {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.is_calm.load(Ordering::Acquire) && self.change(|state| matches!(state, State::Open { .. }))
    }

    /// How often it has opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        // Nothing in here can panic half-way, so a poisoned lock holds a whole state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        self.is_calm.store(*state == State::Closed { failures: 0 }, Ordering::Release);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failed_three_times(now: Instant) -> State {
        (0..3).fold(State::Closed { failures: 0 }, |state, _| state.failed(Permit::Free, now, 0.0))
    }

    #[test]
    fn three_failures_in_a_row_open_it_for_a_second() {
        let now = Instant::now();
        let mut state = failed_three_times(now);
        assert_eq!(state.permit(now), Permit::Refused);
        assert_eq!(state.permit(now + SECOND - Duration::from_millis(1)), Permit::Refused);
        assert_eq!(state.permit(now + SECOND), Permit::Probe);
        assert_eq!(state.permit(now + SECOND), Permit::Refused, "one probe at a time");
        assert_eq!(state.permit(now + 2 * SECOND), Permit::Probe, "the first was never heard of again");
    }

    #[test]
    fn the_rest_doubles_to_ten_seconds_and_only_probes_double_it() {
        let now = Instant::now();
        let mut state = failed_three_times(now);
        for rest in [2, 4, 8, 10, 10] {
            state = state.failed(Permit::Free, now, 0.0).failed(Permit::Probe, now, 0.0);
            assert_eq!(state, State::Open { until: now + rest * SECOND, rest: rest * SECOND });
        }
        let late = failed_three_times(now).failed(Permit::Probe, now, 1.0);
        assert_eq!(late, State::Open { until: now + 2 * SECOND + SECOND / 2, rest: 2 * SECOND });
    }

    #[test]
    fn an_answer_closes_it_and_forgets_the_failures() {
        let breaker = Breaker::new();
        for _ in 0..2 {
            breaker.failed(Permit::Free);
            breaker.failed(Permit::Free);
            breaker.succeeded();
        }
        assert!(!breaker.is_open());
        for _ in 0..3 {
            breaker.failed(Permit::Free);
        }
        assert!(breaker.is_open() && breaker.opened() == 1);
        breaker.succeeded();
        assert_eq!((breaker.is_open(), breaker.permit()), (false, Permit::Free));
    }
}
