//! The answers that readers got, counted: right, wrong, and none at all.

use super::Found;
use super::definition::ArmKind;
use super::document::{Arm, Evidence};
use super::row::{FIRST_VERSION, Row};
use super::strategies::ClientError;
use crate::plain_text;
use crate::samples::cache_use::CacheUse;
use crate::units::counted;

/// The answers that one reader got, or many together.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) reads: u64,
    pub(super) failed_reads: u64,
    pub(super) wrong_reads: u64,
    /// The failed reads that failed in MySQL.
    pub(super) failed_by_database: u64,
    pub(super) first_error: Option<String>,
}

impl Answers {
    /// Books an answer for a row that never changes; `exists` tells whether there is one. True
    /// where it was answered.
    pub(super) fn book(&mut self, id: u32, exists: bool, answer: Result<Option<Row>, ClientError>) -> bool {
        let row = match answer {
            Ok(row) => row,
            Err(error) => {
                self.fail(&error);
                return false;
            }
        };
        self.reads += 1;
        let right = exists.then(|| Row::of(id, FIRST_VERSION));
        self.wrong_reads += u64::from(row != right);
        true
    }

    /// Books an answer for a row that is written meanwhile: any version that was written is right.
    /// Returns the version; none if there was no answer, or a wrong one.
    pub(super) fn book_version(&mut self, id: u32, answer: Result<Option<Row>, ClientError>) -> Option<u64> {
        let row = match answer {
            Ok(row) => row,
            Err(error) => {
                self.fail(&error);
                return None;
            }
        };
        self.reads += 1;
        let version = row.filter(|row| row.is_genuine(id)).map(|row| row.version);
        self.wrong_reads += u64::from(version.is_none());
        version
    }

    /// Books a read that was not answered.
    pub(super) fn fail(&mut self, error: &ClientError) {
        self.failed_reads += 1;
        self.failed_by_database += u64::from(error.is_of_database());
        self.note(error);
    }

    /// Keeps the first error.
    pub(super) fn note(&mut self, error: &ClientError) {
        self.first_error.get_or_insert_with(|| plain_text::one_line(&error.to_string()));
    }

    /// Those of all readers together.
    pub(super) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), Self::with)
    }

    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            failed_reads: self.failed_reads + other.failed_reads,
            wrong_reads: self.wrong_reads + other.wrong_reads,
            failed_by_database: self.failed_by_database + other.failed_by_database,
            first_error: self.first_error.or(other.first_error),
        }
    }

    /// The arm of these answers, which wrote nothing.
    pub(super) fn into_arm(
        self,
        kind: ArmKind,
        database_loads: u64,
        cache: Option<CacheUse>,
        found: impl Into<Found>,
    ) -> Arm {
        Arm {
            arm: kind.name().to_owned(),
            reads: self.reads,
            failed_reads: self.failed_reads,
            wrong_reads: self.wrong_reads,
            database_loads,
            writes: 0,
            failed_writes: 0,
            cache_hits: cache.map(|cache| cache.hits),
            cache_fills: cache.map(|cache| cache.fills),
            redis_errors: cache.map(|cache| cache.redis_errors),
            first_error: self.first_error,
            found: found.into(),
            evidence: Evidence { failed_by_database: self.failed_by_database, cache, obstacle: None },
        }
    }
}

/// Names the promise that an arm of the library broke: each read is answered, and rightly. Reads
/// that MySQL failed are not the library's doing.
pub(super) fn broken(_: ArmKind, arm: &Arm) -> Option<String> {
    broken_with(arm, &[])
}

/// The same, with promises that only one scenario tests: counts, and their names for one and for
/// many.
pub(super) fn broken_with(arm: &Arm, more: &[(u64, &str, &str)]) -> Option<String> {
    let failed = arm.failed_reads.saturating_sub(arm.evidence.failed_by_database);
    let common =
        [(arm.wrong_reads, "wrong answer", "wrong answers"), (failed, "failed read", "failed reads")];
    let counts: Vec<String> = common
        .iter()
        .chain(more)
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(*count, one, many))
        .collect();
    (!counts.is_empty()).then(|| format!("the arm {} shows {}", arm.arm, counts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_only_as_the_row_is() {
        let mut answers = Answers::default();
        assert!(answers.book(7, true, Ok(Some(Row::of(7, 1)))));
        assert!(answers.book(8, false, Ok(None)));
        assert_eq!((answers.reads, answers.wrong_reads), (2, 0));
        assert!(answers.book(7, true, Ok(None)));
        assert!(answers.book(7, true, Ok(Some(Row::of(6, 1)))));
        assert!(answers.book(7, true, Ok(Some(Row::of(7, 2)))));
        assert!(answers.book(8, false, Ok(Some(Row::of(8, 1)))));
        assert!(!answers.book(7, true, Err(redis::RedisError::from(std::io::Error::other("gone")).into())));
        let both = Answers::default().with(answers);
        assert_eq!((both.reads, both.wrong_reads, both.failed_reads), (6, 4, 1));
        assert!(both.first_error.is_some_and(|error| error.contains("gone")));
    }
}
