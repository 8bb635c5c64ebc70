//! The work of one client with its connections.

use std::time::Duration;

use super::tally::DoneKind;
use crate::plain_text;
use crate::scenario::strategies::ClientError;

/// One client of a strategy. Keys are numbered from 0.
pub(crate) trait Worker: Send {
    /// Reads, and keeps the answer for [`Worker::check`].
    fn read(&mut self, key: u32) -> Result<DoneKind, Failure>;

    fn write(&mut self, key: u32) -> Result<(), Failure>;

    /// Compares the last answer with what it must be, or takes note of the last write. No part of
    /// any time. The last operation began and was done at these instants.
    fn check(&mut self, key: u32, began: Duration, done: Duration) -> Verdict;
}

/// The outcome of comparing an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// It was never in the database.
    Wrong,
    /// A newer version was there for so long when the read began.
    Stale(Duration),
    /// MySQL gave this answer at another time, and the writer is not known.
    Changed,
}

/// Why an operation was not answered.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `mysql` or `redis`.
    pub(crate) kind: &'static str,
    pub(crate) words: String,
}

impl Failure {
    pub(crate) const MYSQL: &'static str = "mysql";
    pub(crate) const REDIS: &'static str = "redis";

    pub(crate) fn new(kind: &'static str, error: &impl std::fmt::Display) -> Self {
        Self { kind, words: plain_text::one_line(&error.to_string()) }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let kind = if error.is_of_database() { Self::MYSQL } else { Self::REDIS };
        Self::new(kind, &error)
    }
}
