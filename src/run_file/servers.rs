//! The counters of the servers, as they are saved, and the conclusions from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Codec;
use crate::samples::request_counts::RequestCounts;
pub(crate) use crate::samples::server_counters::{MysqlCounters, RedisCounters};
use crate::stats::external_traffic::ServerSide;
use crate::units;

/// By how much the servers' own counters grew while the workload was measured with all of its
/// codecs, warm-up, preparation and controls included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ServerCounters {
    /// Null where MySQL could not be asked.
    pub(crate) mysql: Option<MysqlCounters>,
    /// Null where Redis could not be asked.
    pub(crate) redis: Option<RedisCounters>,
    /// Our own requests. If the servers counted more, somebody else used them.
    pub(crate) ours: OwnRequests,
    /// Why a server's counters are null, by `mysql` or `redis`.
    pub(crate) withheld: BTreeMap<String, String>,
}

/// Our own requests, counted as the servers count them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OwnRequests {
    /// To be held against `com_select`.
    pub(crate) mysql_selects: u64,
    /// To be held against `com_stmt_execute`.
    pub(crate) mysql_executes: u64,
    /// To be held against `keyspace_hits` + `keyspace_misses`.
    pub(crate) redis_look_ups: u64,
}

/// Work that MySQL did not have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Avoided {
    /// Measured reads that the cache answered.
    pub(crate) mysql_reads: u64,
    /// Pages that InnoDB would have been asked for, by what each execution asked for on average;
    /// null where it does not count.
    pub(crate) innodb_page_requests: Option<u64>,
    /// Pages that InnoDB would have read from disk, by the same rule.
    pub(crate) innodb_disk_reads: Option<u64>,
}

/// The memory of entries in Redis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RedisMemory {
    /// Entries of the workload that are there, from the share of the sampled keys that is.
    pub(crate) entries: u64,
    /// Mean bytes of one, from the same sample.
    pub(crate) entry_bytes: u64,
    /// All of them together.
    pub(crate) bytes: u64,
    /// `memory_usage`: as Redis counts, with key and bookkeeping. `value_bytes`: the values alone,
    /// where it does not tell.
    pub(crate) source: String,
}

impl ServerCounters {
    pub(super) fn new(counted: &ServerSide, ours: &RequestCounts) -> Self {
        Self {
            mysql: counted.mysql.as_ref().ok().copied(),
            redis: counted.redis.as_ref().ok().copied(),
            ours: OwnRequests {
                mysql_selects: ours.selects(),
                mysql_executes: ours.executes,
                redis_look_ups: ours.look_ups,
            },
            withheld: withheld(counted),
        }
    }

    pub(super) fn avoided(&self, hits: u64) -> Avoided {
        avoided(hits, self.mysql.as_ref())
    }
}

fn withheld(counted: &ServerSide) -> BTreeMap<String, String> {
    let reasons =
        [("mysql", counted.mysql.as_ref().err()), ("redis", counted.redis.as_ref().err())].into_iter();
    reasons.filter_map(|(server, reason)| Some((server.to_owned(), reason?.clone()))).collect()
}

/// The cost of the hits to InnoDB, had each of them been executed.
fn avoided(hits: u64, mysql: Option<&MysqlCounters>) -> Avoided {
    let executes = mysql.and_then(|mysql| mysql.com_stmt_execute).filter(|executes| *executes > 0);
    let of_hits = |counted: Option<u64>| {
        let per_execution = counted? as f64 / executes? as f64;
        Some(units::whole(hits as f64 * per_execution))
    };
    Avoided {
        mysql_reads: hits,
        innodb_page_requests: of_hits(mysql.and_then(|mysql| mysql.innodb_buffer_pool_read_requests)),
        innodb_disk_reads: of_hits(mysql.and_then(|mysql| mysql.innodb_buffer_pool_reads)),
    }
}

/// The memory as Redis reports it; else from the values alone, if any were written.
pub(super) fn memory(
    counted: &ServerSide,
    codec: Codec,
    keys: u64,
    value_bytes: Option<u64>,
) -> Option<RedisMemory> {
    let sample = counted.sampled_entry_bytes.iter().find(|(own, sample)| *own == codec && !sample.is_empty());
    match sample {
        Some((_, sample)) => Some(RedisMemory::of_sample(sample, keys)),
        None => value_bytes.map(|bytes| RedisMemory::of_values(bytes, keys)),
    }
}

impl RedisMemory {
    /// From what each of a sample of the workload's keys takes; none for those that are not there.
    fn of_sample(usage: &[Option<u64>], keys: u64) -> Self {
        let there: Vec<u64> = usage.iter().copied().flatten().collect();
        let share = there.len() as f64 / usage.len().max(1) as f64;
        let entry_bytes = there.iter().sum::<u64>().checked_div(there.len() as u64).unwrap_or(0);
        Self::new(units::whole(keys as f64 * share), entry_bytes, "memory_usage")
    }

    /// From what was written.
    fn of_values(value_bytes: u64, keys: u64) -> Self {
        Self::new(keys, value_bytes, "value_bytes")
    }

    fn new(entries: u64, entry_bytes: u64, source: &str) -> Self {
        Self { entries, entry_bytes, bytes: entries.saturating_mul(entry_bytes), source: source.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_worked_out_from_the_sample() {
        let memory = RedisMemory::of_sample(&[Some(100), None, Some(120), None], 1_000);
        assert_eq!((memory.entries, memory.entry_bytes, memory.bytes), (500, 110, 55_000));
        let none = RedisMemory::of_sample(&[None, None], 1_000);
        assert_eq!((none.entries, none.bytes), (0, 0));
        assert_eq!(RedisMemory::of_values(5, 7).bytes, 35);
    }

    #[test]
    fn hits_are_worth_what_an_execution_cost() {
        let mysql = MysqlCounters {
            com_stmt_execute: Some(200),
            innodb_buffer_pool_read_requests: Some(800),
            ..MysqlCounters::default()
        };
        let of_hits = avoided(100, Some(&mysql));
        assert_eq!((of_hits.mysql_reads, of_hits.innodb_page_requests), (100, Some(400)));
        assert_eq!(of_hits.innodb_disk_reads, None);
        let idle = MysqlCounters { com_stmt_execute: Some(0), ..mysql };
        assert_eq!(avoided(100, Some(&idle)).innodb_page_requests, None);
        assert_eq!(avoided(100, None).innodb_page_requests, None);
    }
}
