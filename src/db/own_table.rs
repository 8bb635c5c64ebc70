//! Tables that a command makes for itself, under a lock that keeps a second command out, and drops
//! at its end.

use super::connect;
use super::error::DbError;
use super::schema::{self, MARK, SchemaError};
use super::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::reopen::{KeptAlive, Reopening};

/// One such table.
pub(crate) struct OwnTable {
    pub(crate) name: &'static str,
    /// The commands that make it.
    command: &'static str,
    /// The next step if another one runs.
    remedy: &'static str,
    lock: &'static str,
    find: &'static str,
    drop: &'static str,
}

/// The rows of experiments and of traffic.
pub(crate) static SCENARIO: OwnTable = OwnTable {
    name: "rcache_scenario",
    command: "scenario or traffic",
    remedy: "wait until it is over",
    lock: include_str!("../../sql/lock_scenario.sql"),
    find: include_str!("../../sql/select_scenario_table.sql"),
    drop: include_str!("../../sql/drop_scenario.sql"),
};

/// The users of the web application.
pub(crate) static SERVE: OwnTable = OwnTable {
    name: "rcache_serve",
    command: "serve",
    remedy: "end it",
    lock: include_str!("../../sql/lock_serve.sql"),
    find: include_str!("../../sql/select_serve_table.sql"),
    drop: include_str!("../../sql/drop_serve.sql"),
};

/// Why there is no such table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(
        "the database {database:?} has a {kind} {name:?} that rcache did not make; it was left untouched\n  give rcache a \
         database of its own: CREATE DATABASE rcache CHARACTER SET utf8mb4, and end --mysql-url with /rcache"
    )]
    Foreign { database: String, kind: &'static str, name: &'static str },
    #[error(
        "another rcache {command} is running on the database {database:?}\n  {remedy}, or give this one another database"
    )]
    Busy { database: String, command: &'static str, remedy: &'static str },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The table of a command that runs. It goes when this is dropped, also after an error; what a
/// command that was killed has left behind, the next one replaces.
pub(crate) struct Held {
    table: &'static OwnTable,
    /// Holds the lock, and is kept from being closed as idle while other connections work.
    conn: KeptAlive<Session, TableError>,
}

/// The table of a command that was killed; no other can begin while this is here.
pub(crate) struct Leftover {
    table: &'static OwnTable,
    conn: Session,
}

impl OwnTable {
    /// Has the table made in the place of one that was left behind, and sees that it has
    /// transactions.
    ///
    /// # Errors
    /// If another table has the name, another command is running, or the server put another
    /// engine in the place of InnoDB.
    pub(crate) fn create(
        &'static self,
        endpoint: &MysqlEndpoint,
        make: impl FnOnce(&mut Session) -> Result<(), TableError>,
    ) -> Result<Held, TableError> {
        let again = endpoint.clone();
        let mut conn = Reopening::open(move || self.locked(&again), |conn| conn.ping().is_ok())?;
        let first = conn.get()?;
        if self.is_there(first, endpoint)? {
            self.drop(first)?;
        }
        let made = make(first).and_then(|()| Ok(schema::check_engines(first)?));
        if let Err(error) = made {
            // There may be none to drop.
            let _ = self.drop(first);
            return Err(error);
        }
        Ok(Held { table: self, conn: KeptAlive::new(conn) })
    }

    /// Looks for one that was left behind, and changes nothing.
    ///
    /// # Errors
    /// If another table has the name, or a command is running.
    pub(crate) fn leftover(&'static self, endpoint: &MysqlEndpoint) -> Result<Option<Leftover>, TableError> {
        let mut conn = self.locked(endpoint)?;
        Ok(self.is_there(&mut conn, endpoint)?.then_some(Leftover { table: self, conn }))
    }

    /// A connection that holds the lock.
    fn locked(&self, endpoint: &MysqlEndpoint) -> Result<Session, TableError> {
        let mut conn = connect::connect(endpoint)?;
        let got: Option<Option<u8>> = conn
            .query_first(self.lock)
            .map_err(|source| DbError::new(&format!("taking the lock of {}", self.name), source))?;
        let (database, command, remedy) = (endpoint.database.clone(), self.command, self.remedy);
        if got.flatten() == Some(1) { Ok(conn) } else { Err(TableError::Busy { database, command, remedy }) }
    }

    /// Whether there is one of ours.
    fn is_there(&self, conn: &mut Session, endpoint: &MysqlEndpoint) -> Result<bool, TableError> {
        let found: Option<(String, String, String)> = conn
            .query_first(self.find)
            .map_err(|source| DbError::new(&format!("looking for the table {}", self.name), source))?;
        let Some((name, table_type, comment)) = found else { return Ok(false) };
        match self.foreign_kind(&name, &table_type, &comment) {
            Some(kind) => {
                Err(TableError::Foreign { database: endpoint.database.clone(), kind, name: self.name })
            }
            None => Ok(true),
        }
    }

    /// None if it is ours: a base table of exactly this name that carries the mark.
    fn foreign_kind(&self, name: &str, table_type: &str, comment: &str) -> Option<&'static str> {
        match table_type {
            "BASE TABLE" if name == self.name && comment == MARK => None,
            "BASE TABLE" => Some("table"),
            _ => Some("view"),
        }
    }

    fn drop(&self, conn: &mut Session) -> Result<(), DbError> {
        conn.query_drop(self.drop)
            .map_err(|source| DbError::new(&format!("dropping the table {}", self.name), source))
    }
}

impl Held {
    /// Uses the connection that holds the lock.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        self.conn.with(work)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // If this fails, the next command finds the mark and replaces the table.
        let _ = self.with(|conn| Ok(self.table.drop(conn)?));
    }
}

impl Leftover {
    pub(crate) fn drop(mut self) -> Result<(), DbError> {
        self.table.drop(&mut self.conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marked_table_of_the_name_is_ours() {
        for (name, table_type, comment, kind) in [
            ("rcache_scenario", "BASE TABLE", MARK, None),
            ("rcache_scenario", "BASE TABLE", "", Some("table")),
            ("RCACHE_SCENARIO", "BASE TABLE", MARK, Some("table")),
            ("rcache_serve", "BASE TABLE", MARK, Some("table")),
            ("rcache_scenario", "VIEW", "VIEW", Some("view")),
        ] {
            assert_eq!(SCENARIO.foreign_kind(name, table_type, comment), kind, "{name} {comment}");
        }
    }
}
