//! The work of a cache for a group of clients, counted.

/// Counts of the clients of one strategy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheUse {
    /// Reads answered from Redis, with a row or with the knowledge that there is none.
    pub(crate) hits: u64,
    /// Values stored.
    pub(crate) fills: u64,
    /// Commands that Redis refused or did not answer in time.
    pub(crate) redis_errors: u64,
    /// Reads of the library that went to the database without being allowed to store the answer.
    pub(crate) bypasses: u64,
    /// The number of times that the library's breaker opened.
    pub(crate) breaker_opened: u64,
    /// Hits on rows that do not exist; none if the clients are not to remember those.
    pub(crate) known_missing: Option<u64>,
    /// Locks taken; none if the strategy takes none.
    pub(crate) locks: Option<u64>,
    /// Second DELs that Redis did; none if the strategy sends none.
    pub(crate) second_deletes: Option<u64>,
}
