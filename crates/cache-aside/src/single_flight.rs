//! One load per key in this process. A read that misses while another thread is at the same key
//! waits for it.
//!
//! A value is handed over only to those who came *before its load began*: such a load reads
//! everything that was committed when they came. A read that came later looks into Redis again, or
//! takes its turn at the next load.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::codec::{Codec, CodecId};
use super::per_process::PerProcess;

#[derive(Default)]
pub(crate) struct SingleFlight {
    keys: Keys,
}

/// Shared with every leader, so that one may finish in another thread. After a fork the child has
/// none of the threads that lead or wait.
type Keys = Arc<Mutex<PerProcess<HashMap<Vec<u8>, Arc<Flight>>>>>;

/// The threads that are at one key.
#[derive(Default)]
struct Flight {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_led: bool,
    /// None while the leader moves from one thread to another.
    leader: Option<ThreadId>,
    waiting: usize,
    /// Loads that have begun.
    begun: u64,
    /// The number of times that the waiting threads were told to look into Redis again.
    looks: u64,
    /// The number of times that they were told to load for themselves.
    dismissals: u64,
    failures: u64,
    /// The value of the load with this number.
    handed: Option<(u64, Arc<Handed>)>,
}

/// A loaded value on its way to other threads, encoded: threads that read one key need not use one
/// type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) codec: CodecId,
    pub(crate) type_tag: u32,
    /// None: there is no such row.
    pub(crate) payload: Option<Vec<u8>>,
}

impl Handed {
    /// Encodes a value; none where that is not possible.
    pub(crate) fn new<T>(value: Option<&T>, codec: &dyn Codec<T>) -> Option<Self> {
        let encode = |value: &T| {
            let mut payload = Vec::new();
            codec.encode(value, &mut payload).ok()?;
            codec.is_faithful(value, &payload).then_some(payload)
        };
        let payload = match value {
            Some(value) => Some(encode(value)?),
            None => None,
        };
        Some(Self { codec: codec.id(), type_tag: codec.type_tag(), payload })
    }

    /// The value, if it is of this type.
    pub(crate) fn decode<T>(&self, codec: &dyn Codec<T>) -> Option<Option<T>> {
        let Some(payload) = &self.payload else { return Some(None) };
        if (self.codec, self.type_tag) != (codec.id(), codec.type_tag()) {
            return None;
        }
        codec.decode(&mut payload.clone(), 0..payload.len()).ok().map(Some)
    }
}

/// The end of a leader's work, as the waiting threads see it.
#[derive(Debug)]
pub(crate) enum FlightEnd {
    /// It is worth looking into Redis again.
    Look,
    /// The loader failed or panicked: another one may try.
    Failed,
    /// The value is not in Redis. Those who came before the load take it; of the others, one leads
    /// the next load.
    Hand(Arc<Handed>),
    /// Values of this key cannot be kept, so taking turns is of no use. Those who came before the
    /// load take this one.
    Unkept(Option<Arc<Handed>>),
}

/// A place in the flight of a key.
pub(crate) enum Join {
    /// No other thread is at this key: this one leads until the leader is dropped.
    Lead(Leader),
    /// It is worth looking into Redis again.
    Look,
    /// The value of a load that began after this thread came.
    Take(Arc<Handed>),
    /// The other thread takes too long, cannot share, or waits for this one: load without it.
    Alone,
    /// Loaders have failed for as long as this thread would wait.
    Failed,
}

/// The time for which to wait for other threads.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    pub(crate) longest: Instant,
    /// Loaders that fail are not waited for one after the other beyond this.
    pub(crate) failing: Instant,
}

/// Ends the flight when it is dropped, however its load ended.
pub(crate) struct Leader {
    keys: Keys,
    key: Vec<u8>,
    flight: Arc<Flight>,
    end: FlightEnd,
}

impl SingleFlight {
    /// Leads, or waits for the thread that does.
    pub(crate) fn join(&self, key: &[u8], until: impl FnOnce() -> Until) -> Join {
        let (flight, ticket) = {
            let mut keys = lock(&self.keys);
            let flight = Arc::clone(keys.here().entry(key.to_vec()).or_default());
            let mut state = lock(&flight.state);
            if !state.is_led {
                state.is_led_here();
                drop(state);
                return Join::Lead(self.leader(key, flight));
            }
            // A loader that reads its own key: it would wait for itself.
            if state.leader == Some(thread::current().id()) {
                return Join::Alone;
            }
            state.waiting += 1;
            let ticket = Ticket::of(&state);
            drop(state);
            (flight, ticket)
        };
        let join = match flight.wait(&ticket, until()) {
            Waited::Lead => return Join::Lead(self.leader(key, flight)),
            Waited::Look => Join::Look,
            Waited::Take(handed) => Join::Take(handed),
            Waited::Alone => Join::Alone,
            Waited::Failed => Join::Failed,
        };
        remove_if_empty(&self.keys, key, &flight);
        join
    }

    /// Leads if no other thread is at this key; waits for none.
    pub(crate) fn try_lead(&self, key: &[u8]) -> Option<Leader> {
        let mut keys = lock(&self.keys);
        let flight = Arc::clone(keys.here().entry(key.to_vec()).or_default());
        let mut state = lock(&flight.state);
        if state.is_led {
            return None;
        }
        state.is_led_here();
        drop(state);
        Some(self.leader(key, flight))
    }

    fn leader(&self, key: &[u8], flight: Arc<Flight>) -> Leader {
        Leader { keys: Arc::clone(&self.keys), key: key.to_vec(), flight, end: FlightEnd::Look }
    }
}

impl State {
    fn is_led_here(&mut self) {
        self.is_led = true;
        self.leader = Some(thread::current().id());
    }
}

/// The state when a thread came.
struct Ticket {
    begun: u64,
    looks: u64,
    dismissals: u64,
    failures: u64,
}

impl Ticket {
    fn of(state: &State) -> Self {
        let State { begun, looks, dismissals, failures, .. } = *state;
        Self { begun, looks, dismissals, failures }
    }
}

/// The result of a wait.
enum Waited {
    Lead,
    Look,
    Take(Arc<Handed>),
    Alone,
    Failed,
}

impl Flight {
    /// This thread is counted as waiting already.
    fn wait(&self, came: &Ticket, until: Until) -> Waited {
        let mut state = lock(&self.state);
        let waited = loop {
            if let Some((number, handed)) = &state.handed
                && *number > came.begun
            {
                break Waited::Take(Arc::clone(handed));
            }
            if state.looks > came.looks {
                break Waited::Look;
            }
            let now = Instant::now();
            let has_failed_long = state.failures > came.failures && now >= until.failing;
            if has_failed_long {
                break Waited::Failed;
            }
            if state.dismissals > came.dismissals || now >= until.longest {
                break Waited::Alone;
            }
            if !state.is_led {
                state.is_led_here();
                break Waited::Lead;
            }
            let waited = self.changed.wait_timeout(state, until.longest - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting -= 1;
        waited
    }
}

impl Leader {
    /// The load begins now: who comes from here on may not have its value.
    pub(crate) fn begins_load(&mut self) {
        lock(&self.flight.state).begun += 1;
        self.end = FlightEnd::Failed;
    }

    /// Whether anybody waits who may have the value of the load that is under way.
    pub(crate) fn is_awaited(&self) -> bool {
        lock(&self.flight.state).waiting > 0
    }

    /// The flight leaves this thread, and goes on in another.
    pub(crate) fn leaves(&self) {
        lock(&self.flight.state).leader = None;
    }

    /// The flight goes on in this thread.
    pub(crate) fn arrives(&self) {
        lock(&self.flight.state).leader = Some(thread::current().id());
    }

    pub(crate) fn lands(&mut self, end: FlightEnd) {
        self.end = end;
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut state = lock(&self.flight.state);
        let number = state.begun;
        match std::mem::replace(&mut self.end, FlightEnd::Look) {
            FlightEnd::Look => state.looks += 1,
            FlightEnd::Failed => state.failures += 1,
            FlightEnd::Hand(handed) => state.handed = Some((number, handed)),
            FlightEnd::Unkept(handed) => {
                state.handed = handed.map(|handed| (number, handed));
                state.dismissals += 1;
            }
        }
        state.is_led = false;
        state.leader = None;
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.flight.changed.notify_all();
        } else {
            remove_if_empty(&self.keys, &self.key, &self.flight);
        }
    }
}

/// Forgets a key that no thread is at any more.
fn remove_if_empty(keys: &Keys, key: &[u8], flight: &Arc<Flight>) {
    let mut keys = lock(keys);
    let keys = keys.here();
    let state = lock(&flight.state);
    let is_empty = !state.is_led && state.waiting == 0;
    drop(state);
    if is_empty && keys.get(key).is_some_and(|there| Arc::ptr_eq(there, flight)) {
        keys.remove(key);
    }
}

/// No code that can panic runs under one of these, so a poisoned lock holds a whole state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn until(longest: Duration) -> impl FnOnce() -> Until {
        let until = Instant::now() + longest;
        move || Until { longest: until, failing: until }
    }

    fn lead(single_flight: &SingleFlight) -> Leader {
        let Join::Lead(leader) = single_flight.join(b"k", until(LONG)) else {
            panic!("no other thread leads")
        };
        leader
    }

    fn handed(text: &str) -> Arc<Handed> {
        Arc::new(Handed { codec: CodecId(1), type_tag: 2, payload: Some(text.as_bytes().to_vec()) })
    }

    fn is_awaited_by(single_flight: &SingleFlight, threads: usize) -> bool {
        lock(&single_flight.keys)
            .here()
            .get(&b"k"[..])
            .is_some_and(|flight| lock(&flight.state).waiting == threads)
    }

    fn wait_until(what: impl Fn() -> bool) {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < LONG);
            thread::yield_now();
        }
    }

    #[test]
    fn a_value_goes_to_those_alone_who_came_before_its_load() {
        let single_flight = SingleFlight::default();
        let mut leader = lead(&single_flight);
        thread::scope(|scope| {
            let early = scope.spawn(|| single_flight.join(b"k", until(LONG)));
            wait_until(|| is_awaited_by(&single_flight, 1));
            leader.begins_load();
            let late = scope.spawn(|| single_flight.join(b"k", until(LONG)));
            wait_until(|| is_awaited_by(&single_flight, 2));
            leader.lands(FlightEnd::Hand(handed("value")));
            drop(leader);
            let Join::Take(value) = early.join().unwrap() else { panic!("it came before the load") };
            assert_eq!(value, handed("value"));
            let Join::Lead(_next) = late.join().unwrap() else { panic!("it came after the load began") };
        });
        assert!(lock(&single_flight.keys).here().is_empty());
    }

    #[test]
    fn all_look_again_or_load_alone_when_the_leader_says_so() {
        let single_flight = SingleFlight::default();
        type Is = fn(&Join) -> bool;
        let cases: [(fn() -> FlightEnd, Is); 2] = [
            (|| FlightEnd::Look, |join| matches!(join, Join::Look)),
            (|| FlightEnd::Unkept(None), |join| matches!(join, Join::Alone)),
        ];
        for (end, is_right) in cases {
            let mut leader = lead(&single_flight);
            leader.begins_load();
            thread::scope(|scope| {
                let waiting: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| single_flight.join(b"k", until(LONG)))).collect();
                wait_until(|| is_awaited_by(&single_flight, 3));
                leader.lands(end());
                drop(leader);
                assert!(waiting.into_iter().all(|thread| is_right(&thread.join().unwrap())));
            });
            assert!(lock(&single_flight.keys).here().is_empty());
        }
    }

    #[test]
    fn after_a_failure_one_leads_at_a_time_until_that_took_too_long() {
        let single_flight = SingleFlight::default();
        let mut leader = lead(&single_flight);
        leader.begins_load();
        thread::scope(|scope| {
            let patient = scope.spawn(|| matches!(single_flight.join(b"k", until(LONG)), Join::Lead(_)));
            wait_until(|| is_awaited_by(&single_flight, 1));
            drop(leader);
            assert!(patient.join().unwrap());
        });
        let mut leader = lead(&single_flight);
        leader.begins_load();
        thread::scope(|scope| {
            let hasty = scope.spawn(|| {
                let now = Instant::now();
                single_flight.join(b"k", move || Until { longest: now + LONG, failing: now })
            });
            wait_until(|| is_awaited_by(&single_flight, 1));
            drop(leader);
            assert!(matches!(hasty.join().unwrap(), Join::Failed));
        });
        assert!(lock(&single_flight.keys).here().is_empty());
    }

    #[test]
    fn no_thread_waits_for_itself_or_for_ever() {
        let single_flight = SingleFlight::default();
        let leader = lead(&single_flight);
        assert!(matches!(single_flight.join(b"k", until(LONG)), Join::Alone));
        assert!(single_flight.try_lead(b"k").is_none());
        assert!(single_flight.try_lead(b"other").is_some());
        leader.leaves();
        assert!(matches!(single_flight.join(b"k", until(Duration::from_millis(1))), Join::Alone));
        drop(leader);
        assert!(lock(&single_flight.keys).here().is_empty());
    }

    #[test]
    fn a_child_waits_for_no_thread_of_its_parent() {
        let single_flight = SingleFlight::default();
        let of_the_parent = lead(&single_flight);
        lock(&single_flight.keys).fork();
        thread::scope(|scope| {
            scope.spawn(|| {
                let of_the_child = lead(&single_flight);
                lock(&single_flight.keys).fork();
                assert!(single_flight.try_lead(b"k").is_some(), "a child of the child");
                drop(of_the_child);
            });
        });
        drop(of_the_parent);
        assert!(lock(&single_flight.keys).here().is_empty());
    }
}
