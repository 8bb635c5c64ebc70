//! Keeps reads away from a Redis that does not answer, so that an outage costs a timeout now and
//! then and not one for every read. It counts failures of connections alone: an answer is an
//! answer, unless it says that this server is not to be asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::options::Options;

/// The first rest is short: most stalls are over soon, and a probe costs one read a timeout.
const FIRST_REST: Duration = Duration::from_millis(100);

/// Whether Redis may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Free,
    /// Redis has rested for a while; this one asks how it is.
    Probe,
    Refused,
}

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Failures in a row that open it.
    failures: u32,
    longest_rest: Duration,
}

impl Settings {
    fn first_rest(self) -> Duration {
        FIRST_REST.min(self.longest_rest)
    }
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
                // Everyone else waits for another rest, also if nothing more is heard of this
                // probe.
                *until = now + *rest;
                Permit::Probe
            }
        }
    }

    /// The state after a failure; `uniform` is drawn from [0, 1).
    fn failed(self, settings: Settings, permit: Permit, now: Instant, uniform: f64) -> Self {
        let jittered = |rest: Duration| now + rest.mul_f64(1.0 + uniform.clamp(0.0, 1.0) / 4.0);
        match self {
            Self::Closed { failures } if failures + 1 < settings.failures => {
                Self::Closed { failures: failures + 1 }
            }
            Self::Closed { .. } => {
                let rest = settings.first_rest();
                Self::Open { until: jittered(rest), rest }
            }
            Self::Open { rest, .. } if permit == Permit::Probe => {
                let rest = (rest * 2).min(settings.longest_rest);
                Self::Open { until: jittered(rest), rest }
            }
            // Commands that were sent before it opened, and writers, who ask in any case.
            Self::Open { .. } => self,
        }
    }
}

/// Shared by all threads; costs one look at a flag while all is well.
pub(crate) struct Breaker {
    settings: Settings,
    is_calm: AtomicBool,
    state: Mutex<State>,
    opened: AtomicU64,
}

impl Breaker {
    pub(crate) fn new(options: &Options) -> Self {
        let settings = Settings { failures: options.breaker_failures, longest_rest: options.breaker_rest };
        Self {
            settings,
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

    /// Whether the last answer came.
    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Acquire)
    }

    /// Redis answered. True if that has closed it.
    #[inline]
    pub(crate) fn succeeded(&self) -> bool {
        !self.is_calm.load(Ordering::Acquire)
            && self.change(|state| {
                let was_open = matches!(state, State::Open { .. });
                *state = State::Closed { failures: 0 };
                was_open
            })
    }

    /// The connection failed. True if that has opened it.
    pub(crate) fn failed(&self, permit: Permit) -> bool {
        self.change(|state| {
            let was_closed = matches!(state, State::Closed { .. });
            *state = state.failed(self.settings, permit, Instant::now(), rand::random());
            let has_opened = was_closed && matches!(state, State::Open { .. });
            if has_opened {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
            has_opened
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.is_calm.load(Ordering::Acquire) && self.change(|state| matches!(state, State::Open { .. }))
    }

    /// The number of times it has opened.
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

    const SETTINGS: Settings = Settings { failures: 3, longest_rest: Duration::from_millis(500) };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn failed_three_times(now: Instant) -> State {
        (0..3).fold(State::Closed { failures: 0 }, |state, _| state.failed(SETTINGS, Permit::Free, now, 0.0))
    }

    #[test]
    fn three_failures_in_a_row_open_it_for_a_tenth_of_a_second() {
        let now = Instant::now();
        let mut state = failed_three_times(now);
        assert_eq!(state.permit(now), Permit::Refused);
        assert_eq!(state.permit(now + ms(99)), Permit::Refused);
        assert_eq!(state.permit(now + ms(100)), Permit::Probe);
        assert_eq!(state.permit(now + ms(100)), Permit::Refused, "one probe at a time");
        assert_eq!(state.permit(now + ms(200)), Permit::Probe, "nothing was heard of the first");
    }

    #[test]
    fn the_rest_doubles_to_the_longest_and_only_probes_double_it() {
        let now = Instant::now();
        let mut state = failed_three_times(now);
        for rest in [200, 400, 500, 500] {
            state = state.failed(SETTINGS, Permit::Free, now, 0.0).failed(SETTINGS, Permit::Probe, now, 0.0);
            assert_eq!(state, State::Open { until: now + ms(rest), rest: ms(rest) });
        }
        let late = failed_three_times(now).failed(SETTINGS, Permit::Probe, now, 1.0);
        assert_eq!(late, State::Open { until: now + ms(250), rest: ms(200) });
    }

    /// However long an outage was, a probe comes within a second of its end.
    #[test]
    fn no_rest_is_longer_than_a_second_by_default() {
        let breaker = Breaker::new(&Options::default());
        let now = Instant::now();
        let mut state = failed_three_times(now);
        for _ in 0..20 {
            state = state.failed(breaker.settings, Permit::Probe, now, 1.0);
        }
        assert!(matches!(state, State::Open { until, .. } if until <= now + ms(1000)));
    }

    #[test]
    fn an_answer_closes_it_and_forgets_the_failures() {
        let breaker = Breaker::new(&Options::default());
        for _ in 0..2 {
            assert!(!breaker.failed(Permit::Free) && !breaker.failed(Permit::Free));
            assert!(!breaker.succeeded());
        }
        assert!(!breaker.is_open());
        assert_eq!([0; 3].map(|_| breaker.failed(Permit::Free)), [false, false, true]);
        assert!(breaker.is_open() && breaker.opened() == 1);
        assert!(breaker.succeeded());
        assert_eq!((breaker.is_open(), breaker.permit()), (false, Permit::Free));
    }
}
