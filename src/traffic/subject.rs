//! The reads and writes of a load, and the strategies of caching it.

use std::time::Duration;

use super::plan::Plan;
use super::reads::ReadsError;
use super::worker::Worker;
use crate::scenario::ScenarioError;
use crate::scenario::keys::Keys;
use crate::scenario::strategies::Strategy;

/// The rows that are read, and perhaps written.
pub(crate) trait Subject {
    /// The name of the workload; none for rows of rcache's own.
    fn workload(&self) -> Option<&str>;

    /// The most different keys; none if there are as many as are asked for.
    fn most_keys(&self) -> Option<u32>;

    /// Gets ready for a trial of one strategy, whose entries have these keys in Redis.
    fn arm(&self, strategy: Strategy, keys: &Keys, plan: &Plan) -> Result<Box<dyn Arm + '_>, TrafficError>;
}

/// One strategy, ready for a trial.
pub(crate) trait Arm {
    /// A connection that fills the cache before the trial, with entries that live longer than that
    /// takes; none without a cache.
    fn filler(&self) -> Result<Option<Box<dyn Filler>>, TrafficError>;

    /// Clients with connections of their own; those of the library share a cache.
    fn workers(&self, clients: u16) -> Result<Vec<Box<dyn Worker>>, TrafficError>;

    /// The number of times that the workers asked the database so far.
    fn loads(&self) -> u64;
}

/// Puts entries into a cache.
pub(crate) trait Filler: Send {
    /// Stores the current value of a key.
    fn fill(&mut self, key: u32) -> Result<(), TrafficError>;

    /// Waits until every entry is there.
    fn flush(&mut self);
}

/// The time that is added to the lives of entries stored before a trial, until their
/// remaining lives begin.
pub(super) const FILLING: Duration = Duration::from_secs(900);

/// Why a trial could not be carried through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrafficError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Reads(#[from] ReadsError),
}
