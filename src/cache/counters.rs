//! Redis' own counters, and the memory of entries: compared with our own counts, they show whether
//! anybody else was there.

use redis::RedisError;

use super::admin::AdminError;
use super::connection::Connection;
use crate::samples::server_counters::RedisCounters;

/// Reads the counters; of a cluster, those of all primaries together.
pub(crate) fn read(connection: &mut Connection) -> Result<RedisCounters, AdminError> {
    let each = connection.on_each(|link| {
        let info: String = redis::cmd("INFO").arg("stats").query(link)?;
        Ok::<_, RedisError>(counters(&info))
    });
    let each = each.map_err(|cause| AdminError::new("reading its counters", cause))?;
    Ok(each.into_iter().reduce(|sum, other| sum.and(&other)).unwrap_or_default())
}

/// The bytes that Redis may still take before it evicts keys or refuses writes; none without a
/// limit.
pub(crate) fn free_bytes(connection: &mut Connection) -> Result<Option<u64>, AdminError> {
    let each = connection.on_each(|link| {
        let info: String = redis::cmd("INFO").arg("memory").query(link)?;
        Ok::<_, RedisError>(free(&info))
    });
    let each = each.map_err(|cause| AdminError::new("reading how much memory it has", cause))?;
    // Keys spread evenly over a cluster, so the fullest node is the bound.
    let nodes = each.len() as u64;
    Ok(each.into_iter().flatten().min().map(|least| least.saturating_mul(nodes)))
}

fn free(info: &str) -> Option<u64> {
    let most = value(info, "maxmemory").filter(|most| *most > 0)?;
    Some(most.saturating_sub(value(info, "used_memory")?))
}

fn value(info: &str, name: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

fn counters(info: &str) -> RedisCounters {
    RedisCounters {
        keyspace_hits: value(info, "keyspace_hits"),
        keyspace_misses: value(info, "keyspace_misses"),
        evicted_keys: value(info, "evicted_keys"),
    }
}

/// The memory of each key in Redis, bytes, with its name and all bookkeeping; none for a key that
/// is not there.
pub(crate) fn memory_usage(
    connection: &mut Connection,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<u64>>, RedisError> {
    let mut pipeline = redis::pipe();
    for key in keys {
        pipeline.cmd("MEMORY").arg("USAGE").arg(key);
    }
    if keys.is_empty() { Ok(Vec::new()) } else { pipeline.query(connection) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_maxmemory_leaves() {
        let info = |most: &str| format!("used_memory:400\r\nused_memory_rss:9\r\nmaxmemory:{most}\r\n");
        assert_eq!((free(&info("1000")), free(&info("300")), free(&info("0"))), (Some(600), Some(0), None));
    }

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let info =
            "# Stats\r\nevicted_keys:3\r\nkeyspace_hits:40\r\nkeyspace_hits_more:1\r\nkeyspace_misses:x\r\n";
        let expected =
            RedisCounters { keyspace_hits: Some(40), keyspace_misses: None, evicted_keys: Some(3) };
        assert_eq!(counters(info), expected);
        assert_eq!(expected.look_ups(), None);
        let earlier =
            RedisCounters { keyspace_hits: Some(50), keyspace_misses: Some(1), evicted_keys: Some(1) };
        let since = expected.since(&earlier);
        assert_eq!((since.keyspace_hits, since.evicted_keys), (None, Some(2)), "the counters were reset");
    }
}
