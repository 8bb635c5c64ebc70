//! The interface of a scenario: help, the runner and the page are made of it.

use super::document::{Arm, Document};
use super::runner::ArmRun;
use super::setting::Setting;
use super::strategies::Strategy;
use super::{Found, ScenarioError};
use crate::page::blocks::Section;
use crate::page::figures::Figure;

/// One scenario: its names and numbers, and the functions that run, judge and show it.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// On the command line, in the output and in the document.
    pub(crate) name: &'static str,
    /// The failure, in one line.
    pub(crate) meaning: &'static str,
    /// In the order in which they run.
    pub(crate) arms: &'static [ArmKind],
    /// Rows of the table, with the ids from 0 up.
    pub(crate) rows: u32,
    /// Ids above those of the rows that are read, too.
    pub(crate) missing_rows: u32,
    /// Threads that read.
    pub(crate) clients: u16,
    /// Processes over which the clients of the library are spread: each has one cache.
    pub(crate) processes: u16,
    pub(crate) duration_s: u16,
    /// Durations that one arm takes.
    pub(crate) durations_per_arm: u16,
    pub(crate) provokes: Provokes,
    pub(crate) needs: Needs,
    /// Everything that changes a number, beside what all scenarios have, by its name in the
    /// document.
    pub(crate) config: fn(&Setting) -> Vec<(&'static str, u64)>,
    /// Runs one arm on a fresh table, with keys of its own.
    pub(crate) run: fn(&mut ArmRun<'_>) -> Result<Arm, ScenarioError>,
    /// The promise that an arm of the library broke.
    pub(crate) broken_promise: fn(ArmKind, &Arm) -> Option<String>,
    /// Why arms that all did their work prove nothing.
    pub(crate) proves_nothing: fn(&Arms<'_>) -> Option<String>,
    /// The part of the page between the title and the verdict.
    pub(crate) sections: fn(&Document) -> Vec<Section>,
    pub(crate) figures: fn(&Document) -> Vec<Figure>,
    /// One line: the lesson of a run that shows the harm and the cure.
    pub(crate) lesson: fn(&Document) -> Option<String>,
}

/// An arm: a strategy of caching, whole or with something left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArmKind {
    Whole(Strategy),
    /// The library does not remember which rows do not exist.
    LeaseNoNegative,
    /// Each client is a process of its own.
    LeaseNoMutex,
    /// On a Redis Cluster of which a primary is killed.
    Failover,
    /// On a Redis Cluster of which slots move to another node.
    Resharding,
}

/// Harm that a scenario does on purpose, so that it is no fault of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provokes {
    /// Clients write while others read.
    Writes,
    /// Redis is away.
    RedisFailures,
    /// The database answers too late.
    DatabaseFailures,
    /// No failure of a read or a write.
    Nothing,
}

/// The servers that a scenario can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    AnyServers,
    /// It stops and kills them.
    PrivateServers,
}

impl ArmKind {
    /// Every arm of every scenario, for help.
    pub(crate) const ALL: [Self; 12] = [
        Self::Whole(Strategy::Mysql),
        Self::Whole(Strategy::Naive),
        Self::Whole(Strategy::NaiveDoubleDelete),
        Self::Whole(Strategy::NaiveJitter),
        Self::Whole(Strategy::Lock),
        Self::Whole(Strategy::Lease),
        Self::Whole(Strategy::LeaseMarker),
        Self::LeaseNoMutex,
        Self::LeaseNoNegative,
        Self::Whole(Strategy::LeaseEarly),
        Self::Failover,
        Self::Resharding,
    ];

    pub(crate) fn strategy(self) -> Strategy {
        match self {
            Self::Whole(strategy) => strategy,
            Self::LeaseNoNegative | Self::LeaseNoMutex => Strategy::Lease,
            Self::Failover | Self::Resharding => Strategy::LeaseMarker,
        }
    }

    /// Its name in every output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole(strategy) => strategy.name(),
            Self::LeaseNoNegative => "lease-no-negative",
            Self::LeaseNoMutex => "lease-no-mutex",
            Self::Failover => "failover",
            Self::Resharding => "resharding",
        }
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Whole(Strategy::Mysql) => "no cache",
            Self::Whole(Strategy::Naive) => "GET; on a miss SELECT, then SET. Writers COMMIT, then DEL",
            Self::Whole(Strategy::NaiveDoubleDelete) => {
                "as naive; a second DEL follows each write a while later"
            }
            Self::Whole(Strategy::NaiveJitter) => {
                "as naive; each time to live is shortened by a random 0 to 10 %"
            }
            Self::Whole(Strategy::Lock) => "as naive, but only the client that gets a lock (SET NX) loads",
            Self::Whole(Strategy::Lease) => "rcache's library; writers COMMIT, then invalidate",
            Self::Whole(Strategy::LeaseMarker) => "rcache's library; writers mark, COMMIT, finish",
            Self::Whole(Strategy::LeaseEarly) => {
                "as lease; values are refreshed in the background before they expire, at random (XFetch)"
            }
            Self::LeaseNoNegative => "as lease, but it does not remember which rows do not exist",
            Self::LeaseNoMutex => "as lease; each client is a process of its own, so no mutex is shared",
            Self::Failover => "as lease-marker, on a private Redis Cluster of which a primary is killed",
            Self::Resharding => {
                "as lease-marker, on a private Redis Cluster of which slots move to another node"
            }
        }
    }

    /// True if it uses the library, which must keep its promises.
    pub(crate) fn is_library(self) -> bool {
        matches!(self.strategy(), Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly)
    }
}

/// The counts of one scenario, found among those of all.
pub(crate) trait Counts: Sized {
    fn among(found: &Found) -> Option<&Self>;
}

impl Arm {
    /// The counts that only one scenario has; none in an arm of another one.
    pub(crate) fn found<T: Counts>(&self) -> Option<&T> {
        T::among(&self.found)
    }
}

/// The arms of a run, by their kind.
pub(crate) struct Arms<'a>(pub(crate) &'a [Arm]);

impl<'a> Arms<'a> {
    pub(crate) fn of(&self, kind: ArmKind) -> Option<&'a Arm> {
        self.0.iter().find(|arm| arm.arm == kind.name())
    }

    pub(crate) fn strategy(&self, strategy: Strategy) -> Option<&'a Arm> {
        self.of(ArmKind::Whole(strategy))
    }

    /// The counts of an arm that only its scenario has.
    pub(crate) fn found<T: Counts>(&self, strategy: Strategy) -> Option<&'a T> {
        T::among(&self.strategy(strategy)?.found)
    }
}
