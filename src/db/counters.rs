//! MySQL's own counters: compared with our own counts, they show whether anybody else was there.

use std::collections::BTreeMap;

use super::error::DbError;
use super::session::Session;
use crate::samples::server_counters::MysqlCounters;

/// Reads the counters.
pub(crate) fn read(conn: &mut Session) -> Result<MysqlCounters, DbError> {
    let rows: Vec<(String, String)> = conn
        .query(include_str!("../../sql/counters.sql"))
        .map_err(|source| DbError::new("reading its counters", source))?;
    Ok(counters(&rows))
}

fn counters(rows: &[(String, String)]) -> MysqlCounters {
    let values: BTreeMap<String, u64> =
        rows.iter().filter_map(|(name, value)| Some((name.to_lowercase(), value.parse().ok()?))).collect();
    let value = |name: &str| values.get(name).copied();
    MysqlCounters {
        com_select: value("com_select"),
        com_stmt_execute: value("com_stmt_execute"),
        innodb_buffer_pool_reads: value("innodb_buffer_pool_reads"),
        innodb_buffer_pool_read_requests: value("innodb_buffer_pool_read_requests"),
        innodb_pages_read: value("innodb_pages_read"),
    }
}

/// The bytes of the users in the database, with their indexes; none if the server does not say.
pub(crate) fn table_bytes(conn: &mut Session) -> Option<u64> {
    let _ = conn.query_drop(include_str!("../../sql/fresh_statistics.sql"));
    conn.query_first::<Option<u64>>(include_str!("../../sql/table_bytes.sql")).ok()??
}

/// The number of tables in the database that rcache did not make, and their bytes with their
/// indexes; none if the server does not say.
pub(crate) fn other_tables(conn: &mut Session) -> Option<(u64, u64)> {
    conn.query_first(include_str!("../../sql/other_tables.sql")).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_withheld_where_there_is_none() {
        let rows = |selects: &str| {
            [("Com_select", selects), ("Innodb_buffer_pool_reads", "7"), ("Com_stmt_execute", "?")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let (before, after) = (counters(&rows("40")), counters(&rows("100")));
        let expected = MysqlCounters {
            com_select: Some(60),
            innodb_buffer_pool_reads: Some(0),
            ..MysqlCounters::default()
        };
        assert_eq!(after.since(&before), expected);
        assert_eq!(before.since(&after).com_select, None, "the counters were reset");
    }
}
