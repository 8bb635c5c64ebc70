//! The servers' own counters: compared with our own counts, they tell whether anybody else was
//! there.

use serde::{Deserialize, Serialize};

/// Counters of the whole server. Null where it gives none, or they were reset meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct MysqlCounters {
    /// SELECT statements, prepared ones each time that they were executed.
    pub(crate) com_select: Option<u64>,
    /// Executions of prepared statements.
    pub(crate) com_stmt_execute: Option<u64>,
    /// Pages that InnoDB read from disk.
    pub(crate) innodb_buffer_pool_reads: Option<u64>,
    /// Pages that InnoDB was asked for.
    pub(crate) innodb_buffer_pool_read_requests: Option<u64>,
    /// Pages that InnoDB has read from disk, those ahead of being asked for included.
    #[serde(skip)]
    pub(crate) innodb_pages_read: Option<u64>,
}

impl MysqlCounters {
    /// The difference to `before`; none if the counter was reset in between.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            com_select: since(self.com_select, before.com_select),
            com_stmt_execute: since(self.com_stmt_execute, before.com_stmt_execute),
            innodb_buffer_pool_reads: since(self.innodb_buffer_pool_reads, before.innodb_buffer_pool_reads),
            innodb_buffer_pool_read_requests: since(
                self.innodb_buffer_pool_read_requests,
                before.innodb_buffer_pool_read_requests,
            ),
            innodb_pages_read: since(self.innodb_pages_read, before.innodb_pages_read),
        }
    }
}

/// Counters of the whole server, all of its databases. Null where it gives none, or they were reset
/// meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RedisCounters {
    /// Look-ups of keys that were there, also by EXISTS and by scripts.
    pub(crate) keyspace_hits: Option<u64>,
    /// Look-ups of keys that were not there.
    pub(crate) keyspace_misses: Option<u64>,
    /// Keys thrown out for want of memory.
    pub(crate) evicted_keys: Option<u64>,
}

impl RedisCounters {
    /// The difference to `before`; none if the counter was reset in between.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            keyspace_hits: since(self.keyspace_hits, before.keyspace_hits),
            keyspace_misses: since(self.keyspace_misses, before.keyspace_misses),
            evicted_keys: since(self.evicted_keys, before.evicted_keys),
        }
    }

    /// Those of two servers together; none if either does not give one.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| one?.checked_add(other?);
        Self {
            keyspace_hits: sum(self.keyspace_hits, other.keyspace_hits),
            keyspace_misses: sum(self.keyspace_misses, other.keyspace_misses),
            evicted_keys: sum(self.evicted_keys, other.evicted_keys),
        }
    }

    /// Hits and misses together.
    pub(crate) fn look_ups(&self) -> Option<u64> {
        self.keyspace_hits?.checked_add(self.keyspace_misses?)
    }
}

/// None where the counter was reset in between.
fn since(after: Option<u64>, before: Option<u64>) -> Option<u64> {
    after?.checked_sub(before?)
}
