//! What readers got, counted: answers, wrong answers, and none at all.

use super::arms::ClientError;
use super::outcome::{Arm, Findings};
use super::row::{FIRST_VERSION, Row};

/// What one reader got, or many together.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) reads: u64,
    pub(super) failed_reads: u64,
    pub(super) wrong_reads: u64,
    pub(super) first_error: Option<String>,
}

impl Answers {
    /// Books an answer for a row that never changes; `exists` tells whether there is one. True where it was answered.
    pub(super) fn book(&mut self, id: u32, exists: bool, answer: Result<Option<Row>, ClientError>) -> bool {
        let row = match answer {
            Ok(row) => row,
            Err(error) => {
                self.failed_reads += 1;
                self.first_error.get_or_insert_with(|| error.to_string());
                return false;
            }
        };
        self.reads += 1;
        let right = exists.then(|| Row::of(id, FIRST_VERSION));
        self.wrong_reads += u64::from(row != right);
        true
    }

    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            failed_reads: self.failed_reads + other.failed_reads,
            wrong_reads: self.wrong_reads + other.wrong_reads,
            first_error: self.first_error.or(other.first_error),
        }
    }

    /// As an arm in which nobody wrote.
    pub(super) fn into_arm(self, name: &'static str, database_loads: u64, findings: Findings) -> Arm {
        Arm {
            name,
            reads: self.reads,
            failed_reads: self.failed_reads,
            wrong_reads: self.wrong_reads,
            database_loads,
            writes: 0,
            failed_writes: 0,
            first_error: self.first_error,
            findings,
        }
    }
}

/// How an arm of the library broke what holds in every experiment: each read is answered, and rightly.
pub(super) fn broken(arm: &Arm) -> Option<String> {
    let counts: Vec<String> = [(arm.wrong_reads, "wrong answers"), (arm.failed_reads, "failed reads")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!counts.is_empty()).then(|| format!("the arm {} shows {}", arm.name, counts.join(", ")))
}

/// The first of these arms that is not there, or answered nothing.
pub(super) fn missing<'a>(arms: &[Arm], names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names.into_iter().find_map(|name| match arms.iter().find(|arm| arm.name == name) {
        None => Some(format!("the arm {name} did not run")),
        Some(arm) if arm.reads == 0 => Some(format!("the arm {name} answered no read")),
        Some(_) => None,
    })
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
