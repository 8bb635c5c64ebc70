//! One load a key in this process: who comes while somebody loads waits for the end of it, and then looks into Redis
//! again. No value is handed over: a waiter may have come after a write that the load has not seen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Flights {
    under_way: UnderWay,
}

/// Shared with every leader, so that one may go on in a thread of its own.
type UnderWay = Arc<Mutex<HashMap<Vec<u8>, Arc<Flight>>>>;

/// A load that somebody does.
pub(crate) struct Flight {
    end: Mutex<Option<Landing>>,
    over: Condvar,
}

/// How a load ended, for those who waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// It is worth looking into Redis again.
    Over,
    /// What was loaded cannot be kept: whoever wants it must load it too, and need not do so one after the other.
    Unkept,
}

/// What came of asking.
pub(crate) enum Boarding {
    /// Nobody loads this key: you do, until this is dropped.
    Lead(Leader),
    Follow(Arc<Flight>),
}

/// Ends the flight when it is dropped, however its load ended.
pub(crate) struct Leader {
    under_way: UnderWay,
    key: Vec<u8>,
    /// What the others shall hear.
    pub(crate) landing: Landing,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self { under_way: UnderWay::default() }
    }

    pub(crate) fn board(&self, key: &[u8]) -> Boarding {
        match lock(&self.under_way).entry(key.to_vec()) {
            Entry::Occupied(flight) => Boarding::Follow(Arc::clone(flight.get())),
            Entry::Vacant(place) => {
                place.insert(Arc::new(Flight { end: Mutex::new(None), over: Condvar::new() }));
                let under_way = Arc::clone(&self.under_way);
                Boarding::Lead(Leader { under_way, key: key.to_vec(), landing: Landing::Over })
            }
        }
    }
}

impl Flight {
    /// Waits for the end of the load; none where it takes longer than that.
    pub(crate) fn wait(&self, longest: Duration) -> Option<Landing> {
        let waited = self.over.wait_timeout_while(lock(&self.end), longest, |end| end.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let Some(flight) = lock(&self.under_way).remove(&self.key) {
            *lock(&flight.end) = Some(self.landing);
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
        let Boarding::Lead(mut leader) = flights.board(b"k") else { panic!("nobody else is there") };
        let Boarding::Follow(flight) = flights.board(b"k") else { panic!("there is a leader") };
        assert!(matches!(flights.board(b"other"), Boarding::Lead(_)));
        assert_eq!(flight.wait(Duration::from_millis(1)), None);
        leader.landing = Landing::Unkept;
        thread::scope(|scope| {
            let waiter = scope.spawn(|| flight.wait(Duration::from_secs(60)));
            drop(leader);
            assert_eq!(waiter.join().unwrap(), Some(Landing::Unkept));
        });
        assert!(matches!(flights.board(b"k"), Boarding::Lead(_)));
        assert!(lock(&flights.under_way).is_empty());
    }
}
