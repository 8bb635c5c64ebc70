//! The answers of one client in each phase, and all of them together.

use std::time::Duration;

use super::Phase as InDocument;
use super::phases::{PHASES, Phase};
use crate::samples::latencies::Latencies;
use crate::scenario::answers::Answers;
use crate::scenario::arms::ClientError;
use crate::scenario::document::Spread;
use crate::scenario::row::Row;

pub(super) struct Tally {
    answers: Answers,
    phases: [InPhase; PHASES.len()],
}

struct InPhase {
    answered: u64,
    failed: u64,
    loads: u64,
    hits: u64,
    /// Since the beginning.
    first_hit: Option<Duration>,
    latencies: Latencies,
    past_the_cache: Latencies,
}

impl InPhase {
    fn new() -> Self {
        let (latencies, past_the_cache) = (Latencies::new(), Latencies::new());
        Self { answered: 0, failed: 0, loads: 0, hits: 0, first_hit: None, latencies, past_the_cache }
    }

    fn with(mut self, other: &Self) -> Self {
        self.answered += other.answered;
        self.failed += other.failed;
        self.loads += other.loads;
        self.hits += other.hits;
        self.latencies.merge(&other.latencies);
        self.past_the_cache.merge(&other.past_the_cache);
        self
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { answers: Answers::default(), phases: PHASES.map(|_| InPhase::new()) }
    }

    /// Books a read in the phase in which it began. What it did not have to load was a hit. A read
    /// that failed took its time too.
    pub(super) fn book(
        &mut self,
        phase: Phase,
        id: u32,
        answer: Result<Option<Row>, ClientError>,
        loads: u64,
        began: Duration,
        ended: Duration,
    ) {
        let answered = self.answers.book(id, true, answer);
        let Some(found) = self.phases.get_mut(phase.index()) else { return };
        let took = ended.saturating_sub(began);
        found.latencies.record(ns(took));
        found.loads += loads;
        if !answered {
            found.failed += 1;
            return;
        }
        found.answered += 1;
        if loads == 0 {
            found.hits += 1;
            found.first_hit.get_or_insert(ended);
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
        Self { answers: self.answers.with(other.answers), phases }
    }

    pub(super) fn into_parts(self) -> (Answers, Vec<InDocument>) {
        let found = PHASES.into_iter().zip(self.phases).map(|(phase, found)| InDocument {
            phase: phase.name().to_owned(),
            reads: found.answered,
            failed_reads: found.failed,
            hits: found.hits,
            database_loads: found.loads,
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
    use super::*;

    #[test]
    fn a_read_counts_where_it_began_and_is_a_hit_where_it_loaded_nothing() {
        let ms = Duration::from_millis;
        let (mut one, mut other) = (Tally::new(), Tally::new());
        let gone = || Err(redis::RedisError::from(std::io::Error::other("gone")).into());
        one.book(Phase::Stopped, 7, gone(), 0, ms(10), ms(1_010));
        one.book(Phase::Continued, 7, Ok(Some(Row::of(7, 1))), 1, ms(1_010), ms(1_012));
        one.book(Phase::Continued, 7, Ok(Some(Row::of(7, 1))), 0, ms(1_020), ms(1_021));
        one.book(Phase::Continued, 7, Ok(Some(Row::of(7, 1))), 0, ms(1_030), ms(1_031));
        other.book(Phase::Stopped, 7, Ok(Some(Row::of(7, 1))), 1, ms(10), ms(12));
        one.book_past(Phase::Stopped, ms(1));
        other.book_past(Phase::Stopped, ms(1));
        assert_eq!(one.first_hit(Phase::Continued), Some(ms(1_021)));
        assert_eq!((one.first_hit(Phase::Stopped), other.first_hit(Phase::Continued)), (None, None));
        let (answers, phases) = one.with(other).into_parts();
        assert_eq!((answers.reads, answers.failed_reads, answers.wrong_reads), (4, 1, 0));
        let stopped = &phases[Phase::Stopped.index()];
        assert!(stopped.past_the_cache_ms.is_some(), "and in no other count");
        assert_eq!((stopped.reads, stopped.failed_reads, stopped.hits, stopped.database_loads), (1, 1, 0, 1));
        assert_eq!(stopped.latency_ms.map(|spread| spread.max), Some(1_000.0));
        let continued = &phases[Phase::Continued.index()];
        assert_eq!((continued.reads, continued.hits, continued.database_loads), (3, 2, 1));
    }
}
