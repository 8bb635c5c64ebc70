//! The table of an experiment: made for it, dropped with it, and never anybody else's.

use mysql::Value;

use super::row::{FIRST_VERSION, Row};
use crate::db::error::DbError;
use crate::db::own_table::{Held, SCENARIO, TableError};
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::interrupt;

/// Rows that one statement inserts.
const BATCH_ROWS: usize = 200;

/// The table `rcache_scenario`.
pub(crate) struct Table(Held);

impl Table {
    pub(crate) fn create(endpoint: &MysqlEndpoint) -> Result<Self, TableError> {
        let make = |conn: &mut Session| -> Result<(), TableError> {
            conn.query_drop(include_str!("../../sql/create_scenario.sql"))
                .map_err(|source| DbError::new("creating the table rcache_scenario", source).into())
        };
        SCENARIO.create(endpoint, make).map(Self)
    }

    /// Makes the table hold the rows 0 to `rows` - 1, all of the first version, and no others.
    pub(crate) fn fill(&self, rows: u32) -> Result<(), TableError> {
        // Twice, since it begins with an empty table: a proxy may close a connection that waits for
        // a slow TRUNCATE.
        let fill = |conn: &mut Session| Ok(fill(conn, rows)?);
        self.0.with(fill).or_else(|_| self.0.with(fill))
    }
}

fn fill(conn: &mut Session, rows: u32) -> Result<(), DbError> {
    let fail = |source| DbError::new("filling the table rcache_scenario", source);
    conn.query_drop(include_str!("../../sql/truncate_scenario.sql")).map_err(fail)?;
    let one = include_str!("../../sql/insert_scenario_row.sql").trim_end();
    let many = one.to_owned() + &", (?, ?, ?)".repeat(BATCH_ROWS - 1);
    let (one, many) = (conn.prep(one).map_err(fail)?, conn.prep(many).map_err(fail)?);
    let mut transaction = conn.start_transaction().map_err(fail)?;
    let ids: Vec<u32> = (0..rows).collect();
    let batches = ids.chunks_exact(BATCH_ROWS);
    let rest = batches.remainder().chunks(1);
    for (ids, insert) in batches.map(|ids| (ids, &many)).chain(rest.map(|ids| (ids, &one))) {
        // Nothing will be read any more.
        if interrupt::requested() {
            break;
        }
        let rows = ids.iter().map(|id| Row::of(*id, FIRST_VERSION));
        let values: Vec<Value> =
            rows.flat_map(|row| [row.id.into(), row.version.into(), row.payload.into()]).collect();
        transaction.exec_drop(insert, values).map_err(fail)?;
    }
    transaction.commit().map_err(fail)
}
