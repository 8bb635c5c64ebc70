//! What one client saw, answer by answer, and all of them together.

use std::time::Duration;

use crate::sample::Latencies;
use crate::scenario::arms::{ClientError, Fate};
use crate::scenario::row::Row;

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) reads: u64,
    pub(super) failed_reads: u64,
    pub(super) wrong_reads: u64,
    /// Of the failed reads, those that failed in MySQL.
    pub(super) failed_by_database: u64,
    pub(super) stale_reads: u64,
    pub(super) ages: Latencies,
    pub(super) non_monotonic_reads: u64,
    pub(super) writes: u64,
    pub(super) failed_writes: u64,
    pub(super) dead_writers: u64,
    pub(super) first_error: Option<String>,
    /// The newest version of each row that this reader has seen.
    seen: Vec<u64>,
}

impl Tally {
    /// Of a client that reads so many rows.
    pub(super) fn new(rows: u32) -> Self {
        Self {
            reads: 0,
            failed_reads: 0,
            wrong_reads: 0,
            failed_by_database: 0,
            stale_reads: 0,
            ages: Latencies::new(),
            non_monotonic_reads: 0,
            writes: 0,
            failed_writes: 0,
            dead_writers: 0,
            first_error: None,
            seen: (0..rows).map(|_| 0).collect(),
        }
    }

    /// Books an answer. `floor` is what the read had to see at least; `age` tells how old a version was when it began.
    pub(super) fn book_read(
        &mut self,
        id: u32,
        floor: u64,
        answer: Result<Option<Row>, ClientError>,
        age: impl FnOnce(u64) -> Duration,
    ) {
        let row = match answer {
            Ok(row) => row,
            Err(error) => {
                self.failed_reads += 1;
                self.failed_by_database += u64::from(error.is_of_database());
                return self.note(&error);
            }
        };
        self.reads += 1;
        let Some(row) = row.filter(|row| row.is_genuine(id)) else {
            self.wrong_reads += 1;
            return;
        };
        if row.version < floor {
            self.stale_reads += 1;
            self.ages.record(u64::try_from(age(row.version).as_nanos()).unwrap_or(u64::MAX));
        }
        if let Some(seen) = usize::try_from(id).ok().and_then(|index| self.seen.get_mut(index)) {
            self.non_monotonic_reads += u64::from(row.version < *seen);
            *seen = row.version.max(*seen);
        }
    }

    pub(super) fn book_write(&mut self, fate: Fate, written: Result<u64, ClientError>) {
        match (written, fate) {
            (Ok(_), Fate::Returns) => self.writes += 1,
            (Ok(_), Fate::DiesAfterCommit) => self.dead_writers += 1,
            (Err(error), _) => {
                self.failed_writes += 1;
                self.note(&error);
            }
        }
    }

    /// Keeps the first error.
    pub(super) fn note(&mut self, error: &ClientError) {
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    /// Both together.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.reads += other.reads;
        self.failed_reads += other.failed_reads;
        self.wrong_reads += other.wrong_reads;
        self.failed_by_database += other.failed_by_database;
        self.stale_reads += other.stale_reads;
        self.ages.merge(&other.ages);
        self.non_monotonic_reads += other.non_monotonic_reads;
        self.writes += other.writes;
        self.failed_writes += other.failed_writes;
        self.dead_writers += other.dead_writers;
        self.first_error = self.first_error.or(other.first_error);
        self
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
        assert_eq!((tally.reads, tally.stale_reads, tally.non_monotonic_reads), (5, 1, 2));
        assert_eq!((tally.ages.count(), tally.ages.max_ns()), (1, Some(3_000_000)));
        assert_eq!((tally.wrong_reads, tally.failed_reads), (0, 0));
    }

    #[test]
    fn what_was_never_written_is_wrong_and_nothing_else() {
        let damaged = Row { payload: "x".to_owned(), ..Row::of(7, 9) };
        let tally =
            booked(&[(1, None), (1, Some(Row::of(6, 1))), (1, Some(damaged)), (1, Some(Row::of(7, 2)))]);
        assert_eq!((tally.reads, tally.wrong_reads), (4, 3));
        assert_eq!((tally.stale_reads, tally.non_monotonic_reads), (0, 0));
    }

    #[test]
    fn tallies_add_up() {
        let mut writer = Tally::new(0);
        writer.book_write(Fate::Returns, Ok(2));
        writer.book_write(Fate::DiesAfterCommit, Ok(3));
        writer.book_write(Fate::Returns, Err(redis::RedisError::from(std::io::Error::other("gone")).into()));
        let all = booked(&[(2, Some(Row::of(7, 1)))]).with(writer);
        assert_eq!((all.reads, all.stale_reads, all.ages.count()), (1, 1, 1));
        assert_eq!((all.writes, all.dead_writers, all.failed_writes), (1, 1, 1));
        assert!(all.first_error.is_some_and(|error| error.contains("gone")));
    }
}
