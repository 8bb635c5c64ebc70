//! The answers that one client got, and all of them together.

use std::time::Duration;

use super::{Found, LeftStale};
use crate::samples::cache_use::CacheUse;
use crate::samples::latencies::Latencies;
use crate::scenario::answers::Answers;
use crate::scenario::definition::ArmKind;
use crate::scenario::document::{Arm, Spread, share};
use crate::scenario::row::Row;
use crate::scenario::strategies::{ClientError, WriterOutcome};

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) answers: Answers,
    pub(super) stale_reads: u64,
    /// For each stale read: how long before it began the write that it missed had returned.
    pub(super) ages: Latencies,
    pub(super) non_monotonic_reads: u64,
    pub(super) writes: u64,
    pub(super) failed_writes: u64,
    pub(super) dead_writers: u64,
    /// The newest version of each row that this reader has seen.
    seen: Vec<u64>,
}

impl Tally {
    /// An empty tally of a client that reads so many rows.
    pub(super) fn new(rows: u32) -> Self {
        Self {
            answers: Answers::default(),
            stale_reads: 0,
            ages: Latencies::new(),
            non_monotonic_reads: 0,
            writes: 0,
            failed_writes: 0,
            dead_writers: 0,
            seen: (0..rows).map(|_| 0).collect(),
        }
    }

    /// Books an answer. `floor` is the oldest version that the read may return; `age` says how old
    /// a version was when it began.
    pub(super) fn book_read(
        &mut self,
        id: u32,
        floor: u64,
        answer: Result<Option<Row>, ClientError>,
        age: impl FnOnce(u64) -> Duration,
    ) {
        let Some(version) = self.answers.book_version(id, answer) else { return };
        if version < floor {
            self.stale_reads += 1;
            self.ages.record(u64::try_from(age(version).as_nanos()).unwrap_or(u64::MAX));
        }
        if let Some(seen) = usize::try_from(id).ok().and_then(|index| self.seen.get_mut(index)) {
            self.non_monotonic_reads += u64::from(version < *seen);
            *seen = version.max(*seen);
        }
    }

    pub(super) fn book_write(&mut self, writer_outcome: WriterOutcome, written: Result<u64, ClientError>) {
        match (written, writer_outcome) {
            (Ok(_), WriterOutcome::Returns) => self.writes += 1,
            (Ok(_), WriterOutcome::DiesAfterCommit) => self.dead_writers += 1,
            (Err(error), _) => {
                self.failed_writes += 1;
                self.note(&error);
            }
        }
    }

    /// Keeps the first error.
    pub(super) fn note(&mut self, error: &ClientError) {
        self.answers.note(error);
    }

    /// Both together.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.answers = self.answers.with(other.answers);
        self.stale_reads += other.stale_reads;
        self.ages.merge(&other.ages);
        self.non_monotonic_reads += other.non_monotonic_reads;
        self.writes += other.writes;
        self.failed_writes += other.failed_writes;
        self.dead_writers += other.dead_writers;
        self
    }

    pub(super) fn into_arm(
        self,
        kind: ArmKind,
        database_loads: u64,
        cache: Option<CacheUse>,
        left: LeftStale,
    ) -> Arm {
        let found = self.found(left);
        let (writes, failed_writes) = (self.writes, self.failed_writes);
        Arm { writes, failed_writes, ..self.answers.into_arm(kind, database_loads, cache, found) }
    }

    fn found(&self, left: LeftStale) -> Found {
        let (stale, reads) = (self.stale_reads, self.answers.reads);
        Found {
            stale_reads: stale,
            stale_share: share(stale, reads).filter(|_| stale > 0),
            stale_share_below: share(3, reads).filter(|_| stale == 0).map(|share| share.min(1.0)),
            stale_age_ms: Spread::of(&self.ages),
            stale_keys_when_quiet: left.keys,
            stale_keys_that_miss_a_returned_write: left.missed_a_returned_write,
            non_monotonic_reads: self.non_monotonic_reads,
            dead_writers: self.dead_writers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booked(answers: &[(u64, Option<Row>)]) -> Tally {
        let mut tally = Tally::new(8);
        for (floor, row) in answers {
            tally.book_read(7, *floor, Ok(row.clone()), |_| Duration::from_millis(3));
        }
        tally
    }

    #[test]
    fn an_answer_is_held_against_the_floor_and_against_what_the_reader_saw() {
        let row = |version| Some(Row::of(7, version));
        let tally = booked(&[(1, row(1)), (2, row(2)), (2, row(3)), (3, row(2)), (2, row(2))]);
        assert_eq!((tally.answers.reads, tally.stale_reads, tally.non_monotonic_reads), (5, 1, 2));
        assert_eq!((tally.ages.count(), tally.ages.max_ns()), (1, Some(3_000_000)));
        assert_eq!((tally.answers.wrong_reads, tally.answers.failed_reads), (0, 0));
    }

    #[test]
    fn what_was_never_written_is_wrong_and_nothing_else() {
        let damaged = Row { payload: "x".to_owned(), ..Row::of(7, 9) };
        let tally =
            booked(&[(1, None), (1, Some(Row::of(6, 1))), (1, Some(damaged)), (1, Some(Row::of(7, 2)))]);
        assert_eq!((tally.answers.reads, tally.answers.wrong_reads), (4, 3));
        assert_eq!((tally.stale_reads, tally.non_monotonic_reads), (0, 0));
    }

    #[test]
    fn tallies_add_up() {
        let mut writer = Tally::new(0);
        writer.book_write(WriterOutcome::Returns, Ok(2));
        writer.book_write(WriterOutcome::DiesAfterCommit, Ok(3));
        writer.book_write(
            WriterOutcome::Returns,
            Err(redis::RedisError::from(std::io::Error::other("gone")).into()),
        );
        let all = booked(&[(2, Some(Row::of(7, 1)))]).with(writer);
        assert_eq!((all.answers.reads, all.stale_reads, all.ages.count()), (1, 1, 1));
        assert_eq!((all.writes, all.dead_writers, all.failed_writes), (1, 1, 1));
        assert!(all.answers.first_error.is_some_and(|error| error.contains("gone")));
    }

    fn stale_of(stale_reads: u64, reads: u64) -> Found {
        let mut tally = Tally::new(0);
        (0..stale_reads).for_each(|_| tally.ages.record(2_000_000));
        tally.stale_reads = stale_reads;
        tally.answers.reads = reads;
        tally.found(LeftStale { keys: 5, missed_a_returned_write: 1 })
    }

    #[test]
    fn none_stale_is_a_bound_and_no_share_of_zero() {
        let none = stale_of(0, 30_000);
        assert_eq!((none.stale_share, none.stale_share_below), (None, Some(0.000_1)));
        assert_eq!(none.stale_age_ms, None);
        assert_eq!(stale_of(0, 2).stale_share_below, Some(1.0), "a share is never more than all");
        assert_eq!(stale_of(0, 0).stale_share_below, None);
    }

    #[test]
    fn ages_are_withheld_if_too_few_reads_carry_them() {
        let few = stale_of(30, 100);
        assert_eq!((few.stale_share, few.stale_share_below), (Some(0.3), None));
        let ages = few.stale_age_ms.unwrap();
        assert!((ages.max - 2.0).abs() < 1e-9 && ages.p50.is_some() && ages.p99.is_none());
        assert_eq!((few.stale_keys_when_quiet, few.stale_keys_that_miss_a_returned_write), (5, 1));
    }
}
