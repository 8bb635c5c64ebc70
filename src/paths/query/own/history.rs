//! The answers of MySQL so far, by fingerprint: a hit is right if MySQL gave that answer when the
//! entry was made.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::Check;
use crate::answer::Answer;

/// Entries of one item that are told apart: one for each codec, and some that were replaced
/// meanwhile.
const MOST_ENTRIES: usize = 16;

/// The answers of a query; all clients share it.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    items: HashMap<u32, Item>,
    seen: Seen,
}

#[derive(Debug, Default)]
struct Item {
    /// MySQL's last answer.
    latest: Option<u64>,
    /// The answers that entries were made of, the last one at the end.
    entries: Vec<u64>,
}

/// The properties of MySQL's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) answers: u64,
    pub(crate) rows: u64,
    pub(crate) most_rows: u64,
    pub(crate) bytes: u64,
    pub(crate) most_bytes: u64,
    /// Answers that were MySQL's at another time: the rows changed during the run.
    pub(crate) changed: u64,
}

/// Whether MySQL gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is what MySQL answered last.
    Latest,
    /// It was, when an entry was made.
    Earlier,
    Never,
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock().seen
    }

    /// Counts an answer of MySQL's.
    pub(super) fn size(&self, answer: &Answer) {
        let (rows, bytes) = (answer.rows() as u64, answer.bytes() as u64);
        let seen = &mut self.lock().seen;
        seen.answers += 1;
        seen.rows = seen.rows.saturating_add(rows);
        seen.bytes = seen.bytes.saturating_add(bytes);
        (seen.most_rows, seen.most_bytes) = (seen.most_rows.max(rows), seen.most_bytes.max(bytes));
    }

    /// Takes note of an answer of MySQL's; `is_entry` if it was stored.
    pub(super) fn answered(&self, item: u32, fingerprint: u64, is_entry: bool) -> Check {
        let mut inner = self.lock();
        let own = inner.items.entry(item).or_default();
        let is_changed = own.latest.is_some_and(|latest| latest != fingerprint);
        own.latest = Some(fingerprint);
        if is_entry {
            own.store(fingerprint);
        }
        inner.seen.changed += u64::from(is_changed);
        if is_changed { Check::Changed } else { Check::Right }
    }

    /// Whether a hit is known.
    pub(super) fn known(&self, item: u32, fingerprint: u64) -> Known {
        let mut inner = self.lock();
        let Some(own) = inner.items.get(&item) else { return Known::Never };
        let known = match own.latest {
            Some(latest) if latest == fingerprint => Known::Latest,
            _ if own.entries.contains(&fingerprint) => Known::Earlier,
            _ => Known::Never,
        };
        inner.seen.changed += u64::from(known == Known::Earlier);
        known
    }

    /// Judges a hit that is not known by what MySQL answers now.
    pub(super) fn compared(&self, item: u32, hit: u64, now: u64) -> Check {
        let mut inner = self.lock();
        let own = inner.items.entry(item).or_default();
        own.latest = Some(now);
        if hit != now {
            return Check::Wrong;
        }
        own.store(hit);
        inner.seen.changed += 1;
        Check::Changed
    }
}

impl Item {
    fn store(&mut self, fingerprint: u64) {
        self.entries.retain(|known| *known != fingerprint);
        if self.entries.len() >= MOST_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_change_are_told_from_damage() {
        let history = History::default();
        assert_eq!(history.answered(1, 10, true), Check::Right);
        assert_eq!(history.known(1, 10), Known::Latest);
        assert_eq!(history.answered(1, 11, false), Check::Changed);
        assert_eq!(history.known(1, 10), Known::Earlier, "the entry is stale and not damaged");
        assert_eq!(history.known(1, 12), Known::Never);
        assert_eq!(history.compared(1, 12, 13), Check::Wrong);
        assert_eq!(history.known(2, 10), Known::Never, "of another key");
        assert_eq!(history.compared(2, 10, 10), Check::Changed, "written by another program");
        assert_eq!(history.known(2, 10), Known::Latest);
        assert_eq!(history.seen().changed, 3);
    }

    #[test]
    fn an_answer_that_was_never_stored_is_no_excuse_for_a_hit() {
        let history = History::default();
        history.answered(1, 10, true);
        history.answered(1, 11, false);
        history.answered(1, 12, false);
        assert_eq!(history.known(1, 11), Known::Never);
    }

    #[test]
    fn answers_that_differ_each_time_take_no_more_memory() {
        let history = History::default();
        (0..1_000).for_each(|fingerprint| {
            history.answered(1, fingerprint, true);
        });
        assert_eq!(history.lock().items[&1].entries.len(), MOST_ENTRIES);
        assert_eq!(history.known(1, 998), Known::Earlier);
    }
}
