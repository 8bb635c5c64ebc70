//! What an experiment found, as plain values: counts for each arm, and what they prove.

use std::time::Duration;

use crate::sample::Latencies;

/// An experiment, whole or as far as it came.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) arms: Vec<Arm>,
}

/// What an experiment proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The harm was there without the cure, and not with it.
    Shown,
    /// The library did not keep a promise: how.
    Broken(String),
    /// The harm did not appear where it must, so that nothing follows from its absence elsewhere: why.
    ProvesNothing(String),
}

/// One way of caching, as it went.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: &'static str,
    /// Reads that were answered, rightly or wrongly.
    pub(crate) reads: u64,
    pub(crate) failed_reads: u64,
    /// Answers that were never in the database under that id.
    pub(crate) wrong_reads: u64,
    pub(crate) database_loads: u64,
    /// Writes that returned.
    pub(crate) writes: u64,
    pub(crate) failed_writes: u64,
    /// The first read or write that failed, in words.
    pub(crate) first_error: Option<String>,
    /// Of the failed reads, those that failed in MySQL.
    pub(crate) failed_by_database: u64,
    /// What the cache did; none in an arm without one.
    pub(crate) cache: Option<CacheUse>,
    /// Why Redis does not do what the arm needs, as found out after an arm that did not do its work.
    pub(crate) obstacle: Option<String>,
    pub(crate) findings: Findings,
}

/// What the cache did for an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheUse {
    /// Reads answered from Redis, with a row or with the knowledge that there is none.
    pub(crate) hits: u64,
    /// Values stored.
    pub(crate) fills: u64,
    /// Commands that Redis refused or did not answer in time.
    pub(crate) redis_errors: u64,
    /// Reads of the library that went to the database without being allowed to store what they found.
    pub(crate) bypasses: u64,
    /// How often the library's breaker opened.
    pub(crate) breaker_opened: u64,
    /// Hits on rows that do not exist; none where the arm is not to remember those.
    pub(crate) known_missing: Option<u64>,
    /// Locks taken; none where the arm takes none.
    pub(crate) locks: Option<u64>,
    /// Second DELs that Redis did; none where the arm sends none.
    pub(crate) second_deletes: Option<u64>,
}

/// What only one scenario counts.
#[derive(Debug)]
pub(crate) enum Findings {
    Stale(Staleness),
    Stampede(Rush),
    Outage(Outage),
    Avalanche(Avalanche),
    Penetration(Penetration),
    Corrupt(Corruption),
    Metastable(Metastable),
}

/// Of the scenario `stale`.
#[derive(Debug)]
pub(crate) struct Staleness {
    /// Reads that returned a version older than one whose write had returned before the read began.
    pub(crate) stale_reads: u64,
    /// For each of them: how long before the read began the write that it missed had returned.
    pub(crate) ages: Latencies,
    /// Reads that returned an older version than the same reader had seen of the same row before.
    pub(crate) non_monotonic_reads: u64,
    /// Writers that died after their COMMIT, in the middle and at the end.
    pub(crate) dead_writers: u64,
    pub(crate) when_quiet: WhenQuiet,
}

/// The cached values that differ from the committed row when all is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WhenQuiet {
    pub(crate) stale_keys: u64,
    /// Those of them that miss a write that had returned; the others miss only what a dead writer committed.
    pub(crate) missed_a_returned_write: u64,
}

/// Of the scenario `stampede`.
#[derive(Debug)]
pub(crate) struct Rush {
    /// How often the value was gone, or about to go, and was loaded anew.
    pub(crate) expiries: u64,
    /// The most loads for one of them.
    pub(crate) most_loads: u64,
    /// Of reads that took so long that they must have loaded, or waited for a load.
    pub(crate) waits: Latencies,
    /// None where the arm does not use the library.
    pub(crate) library: Option<RushCounts>,
}

/// What the library counted itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RushCounts {
    /// Loads ahead of the expiry.
    pub(crate) early_refreshes: u64,
    /// Reads that found no value, and those that waited for somebody else's load; one may be both.
    pub(crate) found_nothing: u64,
    /// Loads that nobody was asked to wait for: Redis failed, waiting took too long, or the value could not be kept.
    pub(crate) excused_loads: u64,
}

impl RushCounts {
    /// What came after an earlier count.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            early_refreshes: self.early_refreshes.saturating_sub(before.early_refreshes),
            found_nothing: self.found_nothing.saturating_sub(before.found_nothing),
            excused_loads: self.excused_loads.saturating_sub(before.excused_loads),
        }
    }
}

/// Of the scenario `corrupt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Corruption {
    pub(crate) damage: Damage,
    /// Damaged values that the library met and took for what they were; none in arms without it.
    pub(crate) noticed: Option<u64>,
    /// Rows that could not be read, or not rightly, when nobody did damage any more.
    pub(crate) unusable_when_quiet: u64,
}

/// What was done to cached values, each done so often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// One bit of a value turned.
    pub(crate) flipped: u64,
    /// The end of a value cut off.
    pub(crate) truncated: u64,
    /// The values of two keys exchanged.
    pub(crate) swapped: u64,
    /// A list, a hash or a set in the place of a value.
    pub(crate) other_type: u64,
    /// What another program might have stored there.
    pub(crate) foreign: u64,
}

/// Of the scenario `outage`.
#[derive(Debug)]
pub(crate) struct Outage {
    /// In their order.
    pub(crate) phases: Vec<PhaseFound>,
    /// How long after Redis continued, and after it was restarted, every client had a hit again; none where that did not
    /// happen in time.
    pub(crate) recovery: [Option<Duration>; 2],
}

/// What readers got in one phase of an outage.
#[derive(Debug)]
pub(crate) struct PhaseFound {
    pub(crate) name: &'static str,
    pub(crate) reads: u64,
    pub(crate) failed_reads: u64,
    /// Reads that were answered without a load.
    pub(crate) hits: u64,
    pub(crate) database_loads: u64,
    /// Until there was an answer, or an error.
    pub(crate) latencies: Latencies,
    /// Of reads of the database itself that the same clients made in between.
    pub(crate) past_the_cache: Latencies,
}

/// Of the scenario `avalanche`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avalanche {
    /// The most loads within a short while.
    pub(crate) peak_loads: u64,
    /// How long nine tenths of them took to come; none where there were none.
    pub(crate) most_within: Option<Duration>,
}

/// Of the scenario `metastable`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Metastable {
    pub(crate) answered_before_per_s: f64,
    pub(crate) answered_at_the_end_per_s: f64,
    /// After the flush; none if it did not happen in time.
    pub(crate) recovery: Option<Duration>,
}

/// Of the scenario `penetration`: what concerns rows that do not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Penetration {
    /// Reads that were answered.
    pub(crate) reads: u64,
    pub(crate) loads: u64,
}

impl Penetration {
    /// Both together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { reads: self.reads + other.reads, loads: self.loads + other.loads }
    }
}
