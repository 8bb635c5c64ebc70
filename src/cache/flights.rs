//! One load a key in this process: who comes while somebody loads waits for the end of it, and then looks into Redis
//! again. No value is handed over: a waiter may have come after a write that the load has not seen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Flights {
    under_way: Mutex<HashMap<Vec<u8>, Arc<Flight>>>,
}

/// A load that somebody does.
pub(crate) struct Flight {
    is_over: Mutex<bool>,
    over: Condvar,
}

/// What came of asking.
pub(crate) enum Boarding<'a> {
    /// Nobody loads this key: you do, until this is dropped.
    Lead(Leader<'a>),
    Follow(Arc<Flight>),
}

/// Ends the flight when it is dropped, however its load ended.
pub(crate) struct Leader<'a> {
    flights: &'a Flights,
    key: Vec<u8>,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self { under_way: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn board(&self, key: &[u8]) -> Boarding<'_> {
        match lock(&self.under_way).entry(key.to_vec()) {
            Entry::Occupied(flight) => Boarding::Follow(Arc::clone(flight.get())),
            Entry::Vacant(place) => {
                place.insert(Arc::new(Flight { is_over: Mutex::new(false), over: Condvar::new() }));
                Boarding::Lead(Leader { flights: self, key: key.to_vec() })
            }
        }
    }
}

impl Flight {
    /// Waits for the end of the load; false where it takes longer than that.
    pub(crate) fn wait(&self, longest: Duration) -> bool {
        let waited = self.over.wait_timeout_while(lock(&self.is_over), longest, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if let Some(flight) = lock(&self.flights.under_way).remove(&self.key) {
            *lock(&flight.is_over) = true;
            flight.over.notify_all();
        }
    }
}

/// Nobody panics while holding one of these, so a poisoned lock holds a whole state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_leads_and_the_others_hear_of_the_end() {
        let flights = Flights::new();
        let Boarding::Lead(leader) = flights.board(b"k") else { panic!("nobody else is there") };
        let Boarding::Follow(flight) = flights.board(b"k") else { panic!("there is a leader") };
        assert!(matches!(flights.board(b"other"), Boarding::Lead(_)));
        assert!(!flight.wait(Duration::from_millis(1)));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| flight.wait(Duration::from_secs(60)));
            drop(leader);
            assert!(waiter.join().unwrap());
        });
        assert!(matches!(flights.board(b"k"), Boarding::Lead(_)));
        assert!(lock(&flights.under_way).is_empty());
    }
}
