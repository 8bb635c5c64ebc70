//! The oldest version of each row that a read may return: the newest one whose write has returned.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::scenario::row::FIRST_VERSION;

/// Remembered of each row, to tell how old a stale answer is. What is older than all of them is
/// taken for as old as the first.
const REMEMBERED: usize = 1_024;

pub(crate) struct Floors {
    rows: Vec<Floor>,
}

struct Floor {
    version: AtomicU64,
    /// Rising versions, and when their writes had returned.
    returned: Mutex<VecDeque<(u64, Duration)>>,
}

impl Floors {
    /// All rows have their first version.
    pub(crate) fn new(rows: u32) -> Self {
        let floor = || Floor { version: AtomicU64::new(FIRST_VERSION), returned: Mutex::default() };
        Self { rows: (0..rows).map(|_| floor()).collect() }
    }

    /// The oldest version that a read that begins now may return.
    pub(crate) fn of(&self, id: u32) -> u64 {
        self.row(id).map_or(0, |row| row.version.load(Ordering::SeqCst))
    }

    /// The write of this version has returned.
    pub(crate) fn raise(&self, id: u32, version: u64, now: Duration) {
        let Some(row) = self.row(id) else { return };
        let mut returned = row.returned();
        // Of two writers at once, the one who committed first may return last.
        if returned.back().is_none_or(|(last, _)| *last < version) {
            if returned.len() == REMEMBERED {
                returned.pop_front();
            }
            returned.push_back((version, now));
            row.version.fetch_max(version, Ordering::SeqCst);
        }
    }

    /// The time between the return of the first write that this version misses and `began`.
    pub(crate) fn age(&self, id: u32, version: u64, began: Duration) -> Duration {
        let Some(row) = self.row(id) else { return Duration::ZERO };
        let returned = row.returned();
        let missed = returned.partition_point(|(newer, _)| *newer <= version);
        returned.get(missed).map_or(Duration::ZERO, |(_, at)| began.saturating_sub(*at))
    }

    fn row(&self, id: u32) -> Option<&Floor> {
        usize::try_from(id).ok().and_then(|index| self.rows.get(index))
    }
}

impl Floor {
    fn returned(&self) -> MutexGuard<'_, VecDeque<(u64, Duration)>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_floor_only_rises() {
        let floors = Floors::new(2);
        assert_eq!(floors.of(1), FIRST_VERSION);
        floors.raise(1, 5, MS(10));
        floors.raise(1, 4, MS(11));
        assert_eq!((floors.of(0), floors.of(1)), (FIRST_VERSION, 5));
    }

    #[test]
    fn a_stale_answer_is_as_old_as_the_first_write_that_it_misses() {
        let floors = Floors::new(1);
        for version in 2..=4 {
            floors.raise(0, version, MS(version * 10));
        }
        assert_eq!(floors.age(0, 1, MS(50)), MS(30));
        assert_eq!(floors.age(0, 3, MS(50)), MS(10));
        assert_eq!(floors.age(0, 4, MS(50)), MS(0), "it misses none");
        for version in 5..5 + REMEMBERED as u64 {
            floors.raise(0, version, MS(100));
        }
        assert_eq!(floors.age(0, 1, MS(150)), MS(50), "what is not remembered any more is at least so old");
    }
}
