//! The table of an experiment: made for it, dropped with it, and never anybody else's.

use mysql::Value;

use super::row::{FIRST_VERSION, Row};
use crate::db::connect;
use crate::db::error::DbError;
use crate::db::schema::{self, MARK, SchemaError};
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::interrupt;
use crate::reopen::{KeptAlive, Reopening};

/// Why there is no table to experiment on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(
        "the database {database:?} has a {kind} \"rcache_scenario\" that rcache did not make; it was left untouched\n  \
         give rcache a database of its own: CREATE DATABASE rcache CHARACTER SET utf8mb4, and end --mysql-url with /rcache"
    )]
    Foreign { database: String, kind: &'static str },
    #[error(
        "another rcache scenario or traffic is running on the database {0:?}\n  wait until it is over, or give this one another database"
    )]
    Busy(String),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Rows that one statement inserts.
const BATCH_ROWS: usize = 200;

/// The table `rcache_scenario`. It goes when this is dropped, also after an error; what an
/// experiment that was killed has left behind, the next one replaces.
pub(crate) struct Table {
    /// Holds the lock that keeps a second experiment out, and is kept from being closed as idle
    /// while arms run.
    conn: KeptAlive<Session, TableError>,
}

/// The table of an experiment that was killed; nobody can begin one while this is here.
pub(crate) struct Leftover {
    conn: Session,
}

impl Leftover {
    /// Looks for one and changes nothing.
    ///
    /// # Errors
    /// Where another table has the name, or an experiment is running.
    pub(crate) fn find(endpoint: &MysqlEndpoint) -> Result<Option<Self>, TableError> {
        let mut conn = locked(endpoint)?;
        Ok(find(&mut conn, endpoint)?.then_some(Self { conn }))
    }

    pub(crate) fn drop(mut self) -> Result<(), DbError> {
        drop_table(&mut self.conn)
    }
}

impl Table {
    pub(crate) fn create(endpoint: &MysqlEndpoint) -> Result<Self, TableError> {
        let again = endpoint.clone();
        let mut conn = Reopening::open(move || locked(&again), |conn| conn.ping().is_ok())?;
        let first = conn.get()?;
        if find(first, endpoint)? {
            drop_table(first)?;
        }
        first
            .query_drop(include_str!("../../sql/create_scenario.sql"))
            .map_err(|source| DbError::new("creating the table rcache_scenario", source))?;
        if let Err(error) = schema::check_engines(first) {
            drop_table(first)?;
            return Err(error.into());
        }
        Ok(Self { conn: KeptAlive::new(conn) })
    }

    /// Makes the table hold the rows 0 to `rows` - 1, all of the first version, and no others.
    pub(crate) fn fill(&self, rows: u32) -> Result<(), TableError> {
        // Twice, since it begins with an empty table: a proxy may close a connection that waits for
        // a slow TRUNCATE.
        let fill = |conn: &mut Session| Ok(fill(conn, rows)?);
        self.conn.with(fill).or_else(|_| self.conn.with(fill))
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

impl Drop for Table {
    fn drop(&mut self) {
        // Where this fails, the next experiment finds the mark and replaces the table.
        let _ = self.conn.with(|conn| Ok(drop_table(conn)?));
    }
}

/// A connection that holds the lock of the experiments.
fn locked(endpoint: &MysqlEndpoint) -> Result<Session, TableError> {
    let mut conn = connect::connect(endpoint)?;
    lock(&mut conn, endpoint)?;
    Ok(conn)
}

fn lock(conn: &mut Session, endpoint: &MysqlEndpoint) -> Result<(), TableError> {
    let got: Option<Option<u8>> = conn
        .query_first(include_str!("../../sql/lock_scenario.sql"))
        .map_err(|source| DbError::new("taking the lock of its experiments", source))?;
    if got.flatten() == Some(1) { Ok(()) } else { Err(TableError::Busy(endpoint.database.clone())) }
}

/// Whether there is one, and it is ours.
fn find(conn: &mut Session, endpoint: &MysqlEndpoint) -> Result<bool, TableError> {
    let found: Option<(String, String, String)> = conn
        .query_first(include_str!("../../sql/select_scenario_table.sql"))
        .map_err(|source| DbError::new("looking for its table", source))?;
    match found.map(|(name, kind, comment)| judge(&name, &kind, &comment)) {
        Some(Judgement::Foreign(kind)) => {
            Err(TableError::Foreign { database: endpoint.database.clone(), kind })
        }
        Some(Judgement::Leftover) => Ok(true),
        None => Ok(false),
    }
}

fn drop_table(conn: &mut Session) -> Result<(), DbError> {
    conn.query_drop(include_str!("../../sql/drop_scenario.sql"))
        .map_err(|source| DbError::new("dropping the table rcache_scenario", source))
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// The table of an experiment that was killed.
    Leftover,
    Foreign(&'static str),
}

/// Ours is a base table of exactly this name that carries the mark.
fn judge(name: &str, table_type: &str, comment: &str) -> Judgement {
    match table_type {
        "BASE TABLE" if name == "rcache_scenario" && comment == MARK => Judgement::Leftover,
        "BASE TABLE" => Judgement::Foreign("table"),
        _ => Judgement::Foreign("view"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marked_table_is_a_leftover() {
        assert_eq!(judge("rcache_scenario", "BASE TABLE", MARK), Judgement::Leftover);
        for (name, table_type, comment, kind) in [
            ("rcache_scenario", "BASE TABLE", "", "table"),
            ("RCACHE_SCENARIO", "BASE TABLE", MARK, "table"),
            ("rcache_scenario", "VIEW", "VIEW", "view"),
        ] {
            assert_eq!(judge(name, table_type, comment), Judgement::Foreign(kind));
        }
    }
}
