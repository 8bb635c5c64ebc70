//! The answers of one client in each phase, and all of them together.

use std::time::Duration;

use super::Phase as InDocument;
use super::phases::{ALL, Phase};
use crate::samples::latencies::Latencies;
use crate::scenario::answers::Answers;
use crate::scenario::document::Spread;
use crate::scenario::row::Row;
use crate::scenario::strategies::ClientError;

pub(super) struct Tally {
    answers: Answers,
    phases: [InPhase; ALL.len()],
    pub(super) writes: u64,
    pub(super) failed_writes: u64,
}

/// A read and its cost.
pub(super) struct Read {
    /// In which it began, or the outage that it met.
    pub(super) phase: Phase,
    pub(super) id: u32,
    /// The oldest version that it may return, if rows are written meanwhile.
    pub(super) floor: Option<u64>,
    /// Whether a hit shows that what was away is back.
    pub(super) shows_return: bool,
    pub(super) loads: u64,
    /// Since the beginning.
    pub(super) began: Duration,
    /// Since the beginning, too.
    pub(super) ended: Duration,
}

struct InPhase {
    answered: u64,
    failed: u64,
    loads: u64,
    hits: u64,
    stale: u64,
    /// Since the beginning.
    first_hit: Option<Duration>,
    latencies: Latencies,
    past_the_cache: Latencies,
}

impl InPhase {
    fn new() -> Self {
        let (latencies, past_the_cache) = (Latencies::new(), Latencies::new());
        Self {
            answered: 0,
            failed: 0,
            loads: 0,
            hits: 0,
            stale: 0,
            first_hit: None,
            latencies,
            past_the_cache,
        }
    }

    fn with(mut self, other: &Self) -> Self {
        self.answered += other.answered;
        self.failed += other.failed;
        self.loads += other.loads;
        self.hits += other.hits;
        self.stale += other.stale;
        self.latencies.merge(&other.latencies);
        self.past_the_cache.merge(&other.past_the_cache);
        self
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { answers: Answers::default(), phases: ALL.map(|_| InPhase::new()), writes: 0, failed_writes: 0 }
    }

    /// Books a read. What it did not have to load was a hit. A read that failed took its time too.
    pub(super) fn book(&mut self, read: &Read, answer: Result<Option<Row>, ClientError>) {
        let answered = answer.is_ok();
        let is_stale = match read.floor {
            None => {
                self.answers.book(read.id, true, answer);
                false
            }
            Some(floor) => self.answers.book_version(read.id, answer).is_some_and(|version| version < floor),
        };
        let Some(found) = self.phases.get_mut(read.phase.index()) else { return };
        found.latencies.record(ns(read.ended.saturating_sub(read.began)));
        found.loads += read.loads;
        if !answered {
            found.failed += 1;
            return;
        }
        found.answered += 1;
        found.stale += u64::from(is_stale);
        if read.loads == 0 {
            found.hits += 1;
            if read.shows_return {
                found.first_hit.get_or_insert(read.ended);
            }
        }
    }

    pub(super) fn book_write(&mut self, written: Result<u64, ClientError>) {
        match written {
            Ok(_) => self.writes += 1,
            Err(error) => {
                self.failed_writes += 1;
                self.answers.note(&error);
            }
        }
    }

    /// Books a read of the database itself, for comparison.
    pub(super) fn book_past(&mut self, phase: Phase, took: Duration) {
        if let Some(found) = self.phases.get_mut(phase.index()) {
            found.past_the_cache.record(ns(took));
        }
    }

    /// When the first hit of a read that began in this phase was there.
    pub(super) fn first_hit(&self, phase: Phase) -> Option<Duration> {
        self.phases.get(phase.index())?.first_hit
    }

    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        let mut others = other.phases.iter();
        let phases = self.phases.map(|found| match others.next() {
            Some(other) => found.with(other),
            None => found,
        });
        Self {
            answers: self.answers.with(other.answers),
            phases,
            writes: self.writes + other.writes,
            failed_writes: self.failed_writes + other.failed_writes,
        }
    }

    /// The answers, and those of these phases. Where rows are not written, no read is stale.
    pub(super) fn into_parts(self, phases: &[Phase], are_written: bool) -> (Answers, Vec<InDocument>) {
        let found = ALL.into_iter().zip(self.phases).filter(|(phase, _)| phases.contains(phase));
        let found = found.map(|(phase, found)| InDocument {
            phase: phase.name().to_owned(),
            reads: found.answered,
            failed_reads: found.failed,
            hits: found.hits,
            database_loads: found.loads,
            stale_reads: are_written.then_some(found.stale),
            latency_ms: Spread::of(&found.latencies),
            past_the_cache_ms: Spread::of(&found.past_the_cache),
        });
        (self.answers, found.collect())
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::phases::{OF_FAILOVER, PHASES};
    use super::*;

    fn read(phase: Phase, loads: u64, began: Duration, ended: Duration) -> Read {
        Read { phase, id: 7, floor: None, shows_return: true, loads, began, ended }
    }

    #[test]
    fn a_read_counts_where_it_began_and_is_a_hit_where_it_loaded_nothing() {
        let ms = Duration::from_millis;
        let (mut one, mut other) = (Tally::new(), Tally::new());
        let gone = || Err(redis::RedisError::from(std::io::Error::other("gone")).into());
        let row = || Ok(Some(Row::of(7, 1)));
        one.book(&read(Phase::Stopped, 0, ms(10), ms(1_010)), gone());
        one.book(&read(Phase::Continued, 1, ms(1_010), ms(1_012)), row());
        one.book(&read(Phase::Continued, 0, ms(1_020), ms(1_021)), row());
        one.book(&read(Phase::Continued, 0, ms(1_030), ms(1_031)), row());
        other.book(&read(Phase::Stopped, 1, ms(10), ms(12)), row());
        one.book_past(Phase::Stopped, ms(1));
        other.book_past(Phase::Stopped, ms(1));
        assert_eq!(one.first_hit(Phase::Continued), Some(ms(1_021)));
        assert_eq!((one.first_hit(Phase::Stopped), other.first_hit(Phase::Continued)), (None, None));
        let (answers, phases) = one.with(other).into_parts(&PHASES, false);
        assert_eq!((answers.reads, answers.failed_reads, answers.wrong_reads), (4, 1, 0));
        let stopped = &phases[Phase::Stopped.index()];
        assert!(stopped.past_the_cache_ms.is_some(), "and in no other count");
        assert_eq!((stopped.reads, stopped.failed_reads, stopped.hits, stopped.database_loads), (1, 1, 0, 1));
        assert_eq!(stopped.latency_ms.map(|spread| spread.max), Some(1_000.0));
        let continued = &phases[Phase::Continued.index()];
        assert_eq!((continued.reads, continued.hits, continued.database_loads), (3, 2, 1));
        assert_eq!(continued.stale_reads, None, "no row was written");
    }

    #[test]
    fn a_row_that_is_written_may_be_newer_and_not_older() {
        let ms = Duration::from_millis;
        let mut tally = Tally::new();
        let written =
            |shows_return| Read { floor: Some(3), shows_return, ..read(Phase::TakenOver, 0, ms(10), ms(12)) };
        tally.book(&written(false), Ok(Some(Row::of(7, 4))));
        assert_eq!(tally.first_hit(Phase::TakenOver), None, "a key of a node that lived");
        tally.book(&written(true), Ok(Some(Row::of(7, 2))));
        tally.book(&written(true), Ok(Some(Row::of(8, 4))));
        tally.book_write(Ok(5));
        tally.book_write(Err(redis::RedisError::from(std::io::Error::other("gone")).into()));
        assert_eq!(tally.first_hit(Phase::TakenOver), Some(ms(12)));
        let both = tally.with(Tally::new());
        assert_eq!((both.writes, both.failed_writes), (1, 1));
        let (answers, phases) = both.into_parts(&OF_FAILOVER, true);
        assert_eq!((answers.reads, answers.wrong_reads), (3, 1));
        let names: Vec<&str> = phases.iter().map(|phase| phase.phase.as_str()).collect();
        assert_eq!(names, ["before", "killed", "taken-over"]);
        assert_eq!((phases[2].hits, phases[2].stale_reads, phases[0].stale_reads), (3, Some(1), Some(0)));
    }
}
