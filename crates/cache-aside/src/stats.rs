//! The counters of a cache.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the cache was made, over all threads, as [`Cache::stats`](crate::Cache::stats)
/// found them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads answered from Redis with a value.
    pub hits: u64,
    /// Reads answered from Redis with the knowledge that the row does not exist.
    pub negative: u64,
    /// Reads that found nothing in Redis at first; each then waited, or loaded.
    pub misses: u64,
    /// Calls of loaders that were begun.
    pub loads: u64,
    /// Entries written.
    pub fills: u64,
    /// Entries not written because something had changed since before their load: right for their
    /// caller, not kept.
    pub fills_refused: u64,
    /// Entries not written for another reason: too large, not encodable, loaded too slowly, or
    /// Redis failed or is full.
    pub fills_skipped: u64,
    /// Reads answered with a value past its time to live, because the loader failed; see
    /// [`Options::stale_if_error`](struct@crate::Options#structfield.stale_if_error).
    pub stale_served: u64,
    /// Loads ahead of a value's expiry, by a reader who had it in hand or behind its back.
    pub early_refreshes: u64,
    /// Reads that waited for somebody else's load or write.
    pub waits: u64,
    /// Reads answered with the value of another thread's load that began after them and could not
    /// be kept.
    pub joined: u64,
    /// Loads that ran beside [`Options::max_loads`](crate::Options::max_loads) others, since no
    /// place was free in time.
    pub loads_beside: u64,
    /// Values that were not kept because their codec does not give them back as they were: floats
    /// that are no numbers in JSON, for example, or fields that are skipped in a format without
    /// names. Choose another codec for their type.
    pub unfaithful: u64,
    /// Reads that found entries of other types, codecs or versions alone.
    pub other_types: u64,
    /// Reads of wrapped functions whose argument made no key: loaded without the cache.
    pub unkeyed: u64,
    /// Leases that were extended because their load took long.
    pub renewals: u64,
    /// Reads that went to the database without being allowed to fill: Redis failed, or waiting took
    /// too long.
    pub bypasses: u64,
    /// Values that could not be read: damaged, of another key, of another format or codec, or
    /// somebody else's.
    pub corrupt: u64,
    /// Commands that Redis did not do: no connection, no answer in time, or an error in reply.
    pub redis_errors: u64,
    /// Leases removed because the command that put or replaced them got no answer.
    pub orphans_removed: u64,
    /// Markers that were gone when their write finished; see
    /// [`Finished::lost`](crate::Finished::lost).
    pub markers_lost: u64,
    /// Times that a node of a cluster named another one.
    pub redirects: u64,
    /// Keys of writes that too few replicas had in time; see
    /// [`Options::replicas`](struct@crate::Options#structfield.replicas).
    pub unreplicated: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Times that all connections were in use for too long, see
    /// [`Options::max_connections`](struct@crate::Options#structfield.max_connections).
    pub connections_missing: u64,
    /// The number of times that the breaker has opened; in a cluster, those of all nodes together.
    pub breaker_opened: u64,
    /// Whether the breaker is open now, so that reads leave Redis alone; in a cluster, that of any
    /// node.
    pub breaker_open: bool,
}

/// One count.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) hits: Count,
    pub(crate) negative: Count,
    pub(crate) misses: Count,
    pub(crate) loads: Count,
    pub(crate) fills: Count,
    pub(crate) fills_refused: Count,
    pub(crate) fills_skipped: Count,
    pub(crate) stale_served: Count,
    pub(crate) early_refreshes: Count,
    pub(crate) waits: Count,
    pub(crate) joined: Count,
    pub(crate) loads_beside: Count,
    pub(crate) renewals: Count,
    pub(crate) unkeyed: Count,
    pub(crate) unfaithful: Count,
    pub(crate) other_types: Count,
    pub(crate) bypasses: Count,
    pub(crate) corrupt: Count,
    pub(crate) redis_errors: Count,
    pub(crate) orphans_removed: Count,
    pub(crate) markers_lost: Count,
    pub(crate) connections_missing: Count,
    pub(crate) unreplicated: Count,
}
