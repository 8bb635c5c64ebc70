//! Bounds how many are inside at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A request that gets no place by then is refused.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// Lets so many in at a time.
pub(super) struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

pub(super) struct Inside<'a>(&'a Gate);

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self { most, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits for a place for a while.
    pub(super) fn enter(&self) -> Option<Inside<'_>> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(inside, PLACE_WAIT, |inside| *inside >= self.most);
        let (mut inside, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() && *inside >= self.most {
            return None;
        }
        *inside += 1;
        Some(Inside(self))
    }

    pub(super) fn try_enter(&self) -> Option<Inside<'_>> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if *inside >= self.most {
            return None;
        }
        *inside += 1;
        Some(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}
