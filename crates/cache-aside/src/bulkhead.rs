//! Lets only so many loads run at once, so that a cache that falls away does not take the database with it.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) struct Bulkhead {
    places: Mutex<Places>,
    freed: Condvar,
}

struct Places {
    free: usize,
    /// Waking costs a system call, also where nobody waits.
    waiting: usize,
}

thread_local! {
    /// A loader that reads through a cache itself runs under the permit that its thread has: waiting for another one
    /// could wait for ever.
    static IS_LOADING: Cell<bool> = const { Cell::new(false) };
}

impl Bulkhead {
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Mutex::new(Places { free: places, waiting: 0 }), freed: Condvar::new() }
    }

    /// Runs the load once there is a place for it.
    pub(crate) fn run<R>(&self, load: impl FnOnce() -> R) -> R {
        if IS_LOADING.get() {
            return load();
        }
        let _place = Place::take(self);
        load()
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Nobody panics while holding it, so a poisoned lock holds whole counts.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place behind the bulkhead; given back also where the load panics.
struct Place<'a>(&'a Bulkhead);

impl<'a> Place<'a> {
    fn take(bulkhead: &'a Bulkhead) -> Self {
        let mut places = bulkhead.lock();
        if places.free == 0 {
            places.waiting += 1;
            let waited = bulkhead.freed.wait_while(places, |places| places.free == 0);
            places = waited.unwrap_or_else(PoisonError::into_inner);
            places.waiting -= 1;
        }
        places.free -= 1;
        drop(places);
        IS_LOADING.set(true);
        Self(bulkhead)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        IS_LOADING.set(false);
        let mut places = self.0.lock();
        places.free += 1;
        let is_awaited = places.waiting > 0;
        drop(places);
        if is_awaited {
            self.0.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn never_more_run_at_once_than_there_are_places() {
        let bulkhead = Bulkhead::new(3);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        bulkhead.run(|| {
                            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            thread::yield_now();
                            running.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn a_load_within_a_load_and_one_that_panics_leave_the_places_as_they_were() {
        let bulkhead = Bulkhead::new(1);
        assert_eq!(bulkhead.run(|| bulkhead.run(|| 1) + bulkhead.run(|| 1)), 2);
        assert!(catch_unwind(AssertUnwindSafe(|| bulkhead.run(|| panic!("the loader")))).is_err());
        assert_eq!(bulkhead.run(|| 3), 3);
    }
}
