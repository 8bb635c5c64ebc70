//! Reads both servers' counters before and after a workload, on connections of its own and outside
//! everything timed.

use crate::cache::admin::{self, AdminError};
use crate::cache::connection::Connection;
use crate::cache::counters as redis_counters;
use crate::cache::key::KeyLayout;
use crate::db::connect;
use crate::db::counters as mysql_counters;
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::model::Codec;
use crate::reopen::Reopening;
use crate::samples::server_counters::{MysqlCounters, RedisCounters};
use crate::servers::Servers;
use crate::stats::external_traffic::ServerSide;

/// Keys that stand for all of a workload's when asking what an entry takes: enough for the mean of
/// entries of like size.
const SAMPLED_KEYS: usize = 100;

/// Both servers as they were before; where one could not be asked, why.
pub(crate) struct CounterProbe {
    mysql: Result<(Reopening<Session, DbError>, MysqlCounters), String>,
    redis: Result<(Reopening<Connection, AdminError>, RedisCounters), String>,
}

impl CounterProbe {
    /// To be called when all connections of the workload are open: opening one asks MySQL for its
    /// settings. What fails here is withheld, and fails no measurement.
    pub(crate) fn begin(servers: &Servers) -> Self {
        Self { mysql: begin_mysql(servers).map_err(said), redis: begin_redis(servers).map_err(said) }
    }

    /// The counts since then, and the memory of the entries of these items with each codec.
    pub(crate) fn end(self, layouts: &[(Codec, KeyLayout)], items: &[u32]) -> ServerSide {
        let mysql = self.mysql.and_then(|(mut conn, before)| {
            // A workload that restarts its server takes this connection with it.
            let after = conn.get().and_then(mysql_counters::read).map_err(said)?;
            Ok(after.since(&before))
        });
        let mut sampled_entry_bytes = Vec::new();
        let redis = self.redis.and_then(|(mut connection, before)| {
            let connection = connection.get().map_err(said)?;
            let after = redis_counters::read(connection).map_err(said)?;
            for (codec, layout) in layouts {
                let sample = items.iter().take(SAMPLED_KEYS).map(|item| layout.key(u64::from(*item)));
                let usage = redis_counters::memory_usage(connection, &sample.collect::<Vec<_>>());
                sampled_entry_bytes.extend(usage.ok().map(|usage| (*codec, usage)));
            }
            Ok(after.since(&before))
        });
        ServerSide { mysql, redis, sampled_entry_bytes }
    }
}

fn begin_mysql(servers: &Servers) -> anyhow::Result<(Reopening<Session, DbError>, MysqlCounters)> {
    let mut conn = connect::reopening(servers.mysql()?)?;
    let counters = mysql_counters::read(conn.get()?)?;
    Ok((conn, counters))
}

fn begin_redis(servers: &Servers) -> anyhow::Result<(Reopening<Connection, AdminError>, RedisCounters)> {
    let mut connection = admin::reopening(servers.redis()?)?;
    let counters = redis_counters::read(connection.get()?)?;
    Ok((connection, counters))
}

/// The reason alone: the next step that an error names is for people whom it stops.
fn said(error: impl std::fmt::Display) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}
