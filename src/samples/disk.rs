//! Reads of a database that has just restarted.

use super::path::{PathSamples, count_error};
use super::round_series::RoundSeries;
use crate::model::Storage;
use crate::model::series::Series;

/// The samples of the path `disk`. It is apart from the rounds of the other paths, and is in no
/// ratio with them.
#[derive(Clone, Debug)]
pub(crate) struct DiskSamples {
    pub(crate) path: PathSamples,
    /// Every read is a round of its own.
    pub(crate) rounds: RoundSeries,
    /// Pages that InnoDB fetched during the reads, and the reads for which it told.
    pub(crate) pages: (u64, u64),
    /// The origin of the pages.
    pub(crate) storage: Storage,
    /// The first failure, in words, where there was one.
    pub(crate) first_error: Option<String>,
}

impl DiskSamples {
    pub(crate) fn new() -> Self {
        Self {
            path: PathSamples::new(Series::DISK),
            rounds: RoundSeries::new(1),
            pages: (0, 0),
            storage: Storage::Unknown,
            first_error: None,
        }
    }

    /// Pages that InnoDB fetched for one read, on average; none where it does not tell.
    pub(crate) fn pages_per_read(&self) -> Option<f64> {
        let (pages, reads) = self.pages;
        (reads > 0).then(|| pages as f64 / reads as f64)
    }

    pub(crate) fn fail(&mut self, kind: &'static str, words: String) {
        count_error(&mut self.path.errors, kind, 1);
        self.first_error.get_or_insert(words);
    }
}
