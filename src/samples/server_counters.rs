//! The servers' own counters: compared with our own counts, they tell whether anybody else was
//! there.

/// Counters of the whole server since it started; none where it does not give one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MysqlCounters {
    /// SELECT statements of either protocol: a prepared one counts each time that it is executed.
    pub(crate) selects: Option<u64>,
    /// Executions of prepared statements.
    pub(crate) executes: Option<u64>,
    /// Pages that InnoDB had to read from disk.
    pub(crate) innodb_disk_reads: Option<u64>,
    /// Pages that InnoDB was asked for.
    pub(crate) innodb_page_requests: Option<u64>,
    /// Pages that InnoDB has read from disk, those ahead of being asked for included.
    pub(crate) innodb_pages_read: Option<u64>,
}

impl MysqlCounters {
    /// The difference to `before`; none if the counter was reset in between.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            selects: since(self.selects, before.selects),
            executes: since(self.executes, before.executes),
            innodb_disk_reads: since(self.innodb_disk_reads, before.innodb_disk_reads),
            innodb_page_requests: since(self.innodb_page_requests, before.innodb_page_requests),
            innodb_pages_read: since(self.innodb_pages_read, before.innodb_pages_read),
        }
    }
}

/// Counters of the whole server, all databases, since it started; none where it does not give one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RedisCounters {
    /// Look-ups of keys that were there. GET, GETRANGE and EXISTS count for each key, also those of
    /// scripts; SET and UNLINK do not.
    pub(crate) hits: Option<u64>,
    /// Look-ups of keys that were not.
    pub(crate) misses: Option<u64>,
    /// Keys thrown out for want of memory.
    pub(crate) evicted: Option<u64>,
}

impl RedisCounters {
    /// The difference to `before`; none if the counter was reset in between.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            hits: since(self.hits, before.hits),
            misses: since(self.misses, before.misses),
            evicted: since(self.evicted, before.evicted),
        }
    }

    /// Those of two servers together; none if either does not give one.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| one?.checked_add(other?);
        Self {
            hits: sum(self.hits, other.hits),
            misses: sum(self.misses, other.misses),
            evicted: sum(self.evicted, other.evicted),
        }
    }

    /// Hits and misses together.
    pub(crate) fn look_ups(&self) -> Option<u64> {
        self.hits?.checked_add(self.misses?)
    }
}

/// None where the counter was reset in between.
fn since(after: Option<u64>, before: Option<u64>) -> Option<u64> {
    after?.checked_sub(before?)
}
