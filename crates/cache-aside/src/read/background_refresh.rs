//! An early refresh behind the reader's back: the reader goes home with the value that it has, and
//! a thread of its own loads the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Reading;
use crate::breaker::Permit;
use crate::call::{CallOptions, Loaded};
use crate::codec::Codec;
use crate::core::Core;
use crate::key::Key;
use crate::per_process::PerProcess;
use crate::protocol::key_state::Head;
use crate::protocol::read_machine::Fill;
use crate::single_flight::Leader;

/// A refresh that is due, with the key's flight: nobody else in this process begins one until this
/// is dropped.
pub(crate) struct DueRefresh {
    head: Head,
    permit: Permit,
    flight: Option<Leader>,
}

impl DueRefresh {
    pub(super) fn new(head: Head, permit: Permit, flight: Option<Leader>) -> Self {
        if let Some(flight) = &flight {
            flight.leaves();
        }
        Self { head, permit, flight }
    }

    /// Loads, and puts what came in the place of the entry that was seen. Nobody hears of an error:
    /// the entry that is there is as good as it was.
    pub(crate) fn refresh<T, E>(
        self,
        core: &Core,
        key: &Key,
        codec: &dyn Codec<T>,
        load: impl FnOnce() -> Result<Loaded<T>, E>,
    ) {
        if let Some(flight) = &self.flight {
            flight.arrives();
        }
        // With the permit of the read that found it due: asking for another could take the
        // breaker's probe.
        let mut reading = Reading::with_permit(core, key, codec, &CallOptions::default(), self.permit, ());
        reading.flight = self.flight;
        let _ = reading.load(Fill::Refresh(self.head), load);
    }
}

/// The threads of this cache that refresh behind readers' backs: never more than may load at once.
#[derive(Default)]
pub(crate) struct RefreshThreads(Arc<Count>);

/// After a fork the child has none of these threads.
type Count = Mutex<PerProcess<usize>>;

impl RefreshThreads {
    /// Does this in a thread of its own; not at all where there are enough of them, or the system
    /// has none to give. Then the value that is there serves on, and the next reader may find it
    /// due again.
    pub(crate) fn start(&self, most: usize, refresh: impl FnOnce() + Send + 'static) {
        let mut count = lock(&self.0);
        let refresh_threads = count.here();
        if *refresh_threads >= most {
            return;
        }
        *refresh_threads += 1;
        drop(count);
        let place = Place(Arc::clone(&self.0));
        // Where no thread begins, its closure is dropped, and with it the place and the flight.
        let _ = thread::Builder::new().name("rcache-refresh".to_owned()).spawn(move || {
            let _place = place;
            refresh();
        });
    }
}

/// One helper's; given back also where the loader panics.
struct Place(Arc<Count>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = lock(&self.0);
        let refresh_threads = count.here();
        *refresh_threads = refresh_threads.saturating_sub(1);
    }
}

/// No code that can panic runs under it, so a poisoned lock holds a whole count.
fn lock(count: &Count) -> MutexGuard<'_, PerProcess<usize>> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::codec::Json;
    use crate::endpoint::RedisEndpoint;
    use crate::options::Options;

    #[test]
    fn a_refresh_leaves_the_breaker_s_probe_to_a_read() {
        let endpoint = RedisEndpoint::parse("redis://127.0.0.1:1").unwrap();
        let core = Core::new(endpoint, Options::default().breaker_rest(Duration::from_millis(1)));
        for _ in 0..3 {
            core.connections.all()[0].breaker.failed(Permit::Free);
        }
        thread::sleep(Duration::from_millis(20));
        let key = Key::new("thing", 1, 1).unwrap();
        let due = DueRefresh::new(Head::NONE, Permit::Free, None);
        due.refresh(&core, &key, &Json, || Ok::<_, ()>(Some(1).into()));
        assert_eq!(core.permit(&key), Permit::Probe);
    }

    #[test]
    fn there_are_never_more_helpers_than_may_be_and_a_panic_gives_the_place_back() {
        let refresh_threads = RefreshThreads::default();
        let (go, gate) = mpsc::channel::<()>();
        let (begun, beginnings) = mpsc::channel();
        let begins = begun.clone();
        refresh_threads.start(1, move || {
            begins.send("the first").unwrap();
            gate.recv().unwrap();
            panic!("the loader");
        });
        assert_eq!(beginnings.recv(), Ok("the first"));
        let begins = begun.clone();
        refresh_threads.start(1, move || begins.send("one too many").unwrap());
        go.send(()).unwrap();
        while *lock(&refresh_threads.0).here() > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        refresh_threads.start(1, move || begun.send("after it").unwrap());
        assert_eq!(beginnings.iter().collect::<Vec<_>>(), ["after it"]);
        // A child has none of them.
        let (begun, beginnings) = mpsc::channel();
        *lock(&refresh_threads.0).here() = 1;
        lock(&refresh_threads.0).fork();
        refresh_threads.start(1, move || begun.send("in the child").unwrap());
        assert_eq!(beginnings.recv(), Ok("in the child"));
    }
}
