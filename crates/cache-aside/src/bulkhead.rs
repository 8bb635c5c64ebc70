//! Bounds the number of loads that run at the same time, so that a cache that falls away does not
//! take the database with it.
//!
//! The wait for a place is bounded too: a loader whose own threads read through the cache holds a
//! place while they wait for one. After the wait a load runs beside the bulkhead, which is counted.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::per_process::PerProcess;

pub(crate) struct Bulkhead {
    most: usize,
    /// After a fork the child has none of the threads that have a place or wait for one.
    places: Mutex<PerProcess<Places>>,
    freed: Condvar,
}

#[derive(Default)]
struct Places {
    taken: usize,
    /// Waking costs a system call, also where no thread waits.
    waiting: usize,
}

thread_local! {
    /// The bulkheads, by address, in which this thread has a place. A loader that reads through its
    /// own cache again needs no second one: waiting for it could last until the first one is free.
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

impl Bulkhead {
    pub(crate) fn new(places: usize) -> Self {
        Self { most: places, places: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for a place, until then at most.
    pub(crate) fn enter(&self, until: impl FnOnce() -> Instant) -> Place<'_> {
        if self.is_held_here() {
            return Place { bulkhead: self, is: Is::Nested, has_waited: false, not_send: PhantomData };
        }
        let mut places = self.lock();
        let has_waited = places.here().taken >= self.most;
        if has_waited {
            places.here().waiting += 1;
            let longest = until().saturating_duration_since(Instant::now());
            let is_full = |places: &mut PerProcess<Places>| places.here().taken >= self.most;
            let waited = self.freed.wait_timeout_while(places, longest, is_full);
            places = waited.unwrap_or_else(PoisonError::into_inner).0;
            places.here().waiting -= 1;
        }
        let is = if places.here().taken >= self.most { Is::Beside } else { Is::Inside };
        if is == Is::Inside {
            places.here().taken += 1;
        }
        drop(places);
        let _ = HELD.try_with(|held| held.borrow_mut().push(self.address()));
        Place { bulkhead: self, is, has_waited, not_send: PhantomData }
    }

    /// A place if there is one now.
    pub(crate) fn try_enter(&self) -> Option<Place<'_>> {
        let place = self.enter(Instant::now);
        (place.is != Is::Beside).then_some(place)
    }

    /// Whether this thread is in a load of this cache.
    pub(crate) fn is_held_here(&self) -> bool {
        // A thread that ends may have no such list any more.
        HELD.try_with(|held| held.borrow().contains(&self.address())).unwrap_or(false)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn lock(&self) -> MutexGuard<'_, PerProcess<Places>> {
        // No code that can panic runs under it, so a poisoned lock holds whole counts.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place behind the bulkhead, of the thread that entered; given back also where the load panics.
pub(crate) struct Place<'a> {
    bulkhead: &'a Bulkhead,
    is: Is,
    has_waited: bool,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Inside,
    /// In the place that this thread has already.
    Nested,
    /// No place was free in time.
    Beside,
}

impl Place<'_> {
    /// Whether time has passed, so that another look into Redis is worth it. True once.
    pub(crate) fn has_just_waited(&mut self) -> bool {
        std::mem::take(&mut self.has_waited)
    }

    pub(crate) fn is_beside(&self) -> bool {
        self.is == Is::Beside
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is == Is::Nested {
            return;
        }
        let address = self.bulkhead.address();
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(at) = held.iter().rposition(|there| *there == address) {
                held.swap_remove(at);
            }
        });
        if self.is == Is::Beside {
            return;
        }
        let mut places = self.bulkhead.lock();
        let places_here = places.here();
        // A loader may have forked: in the child its place is not counted.
        places_here.taken = places_here.taken.saturating_sub(1);
        let is_awaited = places_here.waiting > 0;
        drop(places);
        if is_awaited {
            self.bulkhead.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn enter(bulkhead: &Bulkhead) -> Place<'_> {
        bulkhead.enter(|| Instant::now() + LONG)
    }

    #[test]
    fn never_more_run_at_once_than_there_are_places() {
        let bulkhead = Bulkhead::new(3);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _place = enter(&bulkhead);
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn a_load_within_a_load_and_one_that_panics_leave_the_places_as_they_were() {
        let bulkhead = Bulkhead::new(1);
        let outer = enter(&bulkhead);
        assert!(!enter(&bulkhead).is_beside());
        assert!(!enter(&bulkhead).is_beside());
        drop(outer);
        let load = || {
            let _place = enter(&bulkhead);
            panic!("the loader");
        };
        assert!(catch_unwind(AssertUnwindSafe(load)).is_err());
        assert!(bulkhead.try_enter().is_some());
    }

    #[test]
    fn a_load_in_one_bulkhead_does_not_open_another() {
        let (first, second) = (Bulkhead::new(1), Bulkhead::new(1));
        let _first = enter(&first);
        let taken = thread::scope(|scope| {
            let _second = enter(&second);
            scope.spawn(|| second.try_enter().is_none()).join().unwrap()
        });
        assert!(taken);
        let inner = enter(&second);
        assert!(thread::scope(|scope| scope.spawn(|| second.try_enter().is_none()).join().unwrap()));
        drop(inner);
        assert!(second.try_enter().is_some());
    }

    #[test]
    fn after_a_bounded_wait_a_load_runs_beside_and_takes_no_place_with_it() {
        let bulkhead = Bulkhead::new(1);
        let place = enter(&bulkhead);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut beside = bulkhead.enter(|| Instant::now() + Duration::from_millis(5));
                assert!(beside.is_beside() && beside.has_just_waited() && !beside.has_just_waited());
                assert!(!enter(&bulkhead).is_beside(), "a load within it counts once too");
            });
        });
        drop(place);
        assert!(bulkhead.try_enter().is_some() && bulkhead.try_enter().is_some());
    }

    #[test]
    fn in_a_child_the_places_of_its_parent_s_threads_are_free() {
        let bulkhead = Bulkhead::new(1);
        thread::scope(|scope| {
            let of_the_parent = enter(&bulkhead);
            bulkhead.lock().fork();
            let is_free = || scope.spawn(|| bulkhead.try_enter().is_some()).join().unwrap();
            assert!(is_free());
            drop(of_the_parent);
            let _of_the_child = enter(&bulkhead);
            assert!(!is_free(), "a place that was not counted was given back");
        });
    }
}
