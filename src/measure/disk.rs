//! Reads of a database that has just restarted: each alone, on connections of its own, by the same clock as all others.

use super::clock::{InParts, timed_in_parts};
use super::{PathSamples, count_error};
use crate::db::counters;
use crate::db::session::Session;
use crate::interrupt;
use crate::paths::lane::Lane;
use crate::paths::query::{Check, Query};
use crate::paths::reader::Reader;
use crate::rounds_log::{RoundSums, RoundsLog};
use crate::sandbox::Storage;

/// Fewer carry no p50, and every one of them costs a restart.
pub(crate) const DISK_READS: u64 = 20;

/// What was seen of the path `disk`. It stands apart from the rounds of the other paths, and is in no ratio with them.
#[derive(Clone, Debug)]
pub(crate) struct DiskSamples {
    pub(crate) path: PathSamples,
    /// Every read is a round of its own.
    pub(crate) rounds: RoundsLog,
    /// Pages that InnoDB fetched during the reads, and the reads for which it told.
    pages: (u64, u64),
    /// Where they came from.
    pub(crate) storage: Storage,
    /// The first failure, in words, where there was one.
    pub(crate) first_error: Option<String>,
}

impl DiskSamples {
    fn new() -> Self {
        Self {
            path: PathSamples::new(Lane::DISK),
            rounds: RoundsLog::new(1),
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

    fn fail(&mut self, kind: &'static str, words: String) {
        count_error(&mut self.path.errors, kind, 1);
        self.first_error.get_or_insert(words);
    }
}

/// A client of a database that has just restarted, and a connection that looks at its counters.
pub(crate) struct Fresh<Q: Query> {
    pub(crate) reader: Reader<Q>,
    pub(crate) watch: Session,
}

/// Reads each item once, after `restart`. Stops early when asked to, or at the first failure: whatever it is, the next
/// restart would only repeat it.
pub(crate) fn measure<Q: Query>(
    items: &[u32],
    reference: &Q::Reference,
    restart: &mut dyn FnMut() -> anyhow::Result<Fresh<Q>>,
    progress: &mut dyn FnMut(),
) -> DiskSamples {
    let mut samples = DiskSamples::new();
    for &item in items {
        if interrupt::requested() || samples.first_error.is_some() {
            break;
        }
        match restart() {
            Ok(fresh) => read(&mut samples, item, reference, fresh),
            Err(error) => samples.fail("restart", format!("{error:#}")),
        }
        progress();
    }
    samples
}

fn read<Q: Query>(samples: &mut DiskSamples, item: u32, reference: &Q::Reference, mut fresh: Fresh<Q>) {
    // One untimed round trip on each connection, as before every block.
    if let Err(error) = fresh.reader.prepare(Lane::DISK, &[item]) {
        return samples.fail(error.kind(), error.to_string());
    }
    let pages = |watch: &mut Session| counters::read(watch).ok()?.innodb_pages_read;
    let before = pages(&mut fresh.watch);
    let InParts { outcome, ns, parts } =
        timed_in_parts(|laps| fresh.reader.read(Lane::DISK, item, &mut |part| laps.end(part)));
    let after = pages(&mut fresh.watch);
    let checked = outcome.and_then(|read| fresh.reader.check(item, &read, reference));
    match checked {
        Ok(Check::Right | Check::Changed) => {
            samples.path.latencies.record(ns);
            samples.path.parts.record(parts);
            let mut sums = RoundSums::default();
            sums.record(ns);
            samples.rounds.push(&[sums]);
            if let Some(fetched) = after.zip(before).and_then(|(after, before)| after.checked_sub(before)) {
                samples.pages = (samples.pages.0 + fetched, samples.pages.1 + 1);
            }
        }
        Ok(Check::Wrong) => samples.fail(
            "wrong_answer",
            format!("the answer for item {item} by path disk is not what {}", Q::TRUTH),
        ),
        Err(error) => samples.fail(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::query::{AllUsers, Expected};
    use crate::users::DataSet;

    #[test]
    fn a_database_that_does_not_come_back_ends_it() {
        let expected = Expected::of(DataSet { users: 10, rng_seed: 1 }, &[]);
        let mut restarts = 0;
        let mut restart = || -> anyhow::Result<Fresh<AllUsers>> {
            restarts += 1;
            anyhow::bail!("no room")
        };
        let samples = measure(&[0, 0, 0], &expected, &mut restart, &mut || ());
        assert_eq!((restarts, samples.path.errors.get("restart")), (1, Some(&1)));
        assert_eq!((samples.first_error.as_deref(), samples.pages_per_read()), (Some("no room"), None));
    }
}
