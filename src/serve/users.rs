//! The users of the application: a copy of the seeded table, so that its writes change no user that
//! a bench verifies. Connections are kept open, a limited number of them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db::connect;
use crate::db::error::DbError;
use crate::db::rows::{RowConnection, RowsError, WrongCells};
use crate::db::schema::MARK;
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::reopen::{KeptAlive, Reopening};
use crate::users::{RawUsersBuilder, TooLong, User, Users};

/// Connections for reads.
const CONNECTIONS: usize = 16;
/// A read that gets no connection by then fails.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);

/// Why there is no table to serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(
        "the database {database:?} has a {kind} \"rcache_serve\" that rcache did not make; it was left untouched\n  give \
         rcache a database of its own: CREATE DATABASE rcache CHARACTER SET utf8mb4, and end --mysql-url with /rcache"
    )]
    Foreign { database: String, kind: &'static str },
    #[error(
        "another rcache serve is running on the database {0:?}\n  end it, or give this one another database"
    )]
    Busy(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a user could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("all {CONNECTIONS} connections to MySQL were in use for too long")]
    Busy,
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("a row is not a user")]
    Shape,
}

/// The table `rcache_serve`. It goes when this is dropped; what a command that was killed has left
/// behind, the next one replaces.
pub(crate) struct UserTable {
    endpoint: MysqlEndpoint,
    /// Holds the lock that keeps a second one out.
    conn: KeptAlive<Session, TableError>,
    pool: Pool,
}

/// The table of a command that was killed; no other can begin while this is here.
pub(crate) struct Leftover {
    conn: Session,
}

impl Leftover {
    /// Looks for one and changes nothing.
    ///
    /// # Errors
    /// If another table has the name, or the table is in use.
    pub(crate) fn find(endpoint: &MysqlEndpoint) -> Result<Option<Self>, TableError> {
        let mut conn = locked(endpoint)?;
        Ok(is_there(&mut conn, endpoint)?.then_some(Self { conn }))
    }

    pub(crate) fn drop(mut self) -> Result<(), DbError> {
        drop_table(&mut self.conn)
    }
}

impl UserTable {
    /// Copies the seeded users.
    ///
    /// # Errors
    /// If the database has another table of that name, or another command uses it.
    pub(crate) fn create(endpoint: &MysqlEndpoint) -> Result<Self, TableError> {
        let again = endpoint.clone();
        let mut conn = Reopening::open(move || locked(&again), |conn| conn.ping().is_ok())?;
        let first = conn.get()?;
        if is_there(first, endpoint)? {
            drop_table(first)?;
        }
        let copy = [include_str!("../../sql/create_serve.sql"), include_str!("../../sql/copy_serve.sql")];
        for sql in copy {
            first
                .query_drop(sql)
                .map_err(|source| DbError::new("copying the users to rcache_serve", source))?;
        }
        Ok(Self { endpoint: endpoint.clone(), conn: KeptAlive::new(conn), pool: Pool::default() })
    }

    /// Every user.
    pub(super) fn all(&self) -> Result<Users, StoreError> {
        self.read(include_str!("../../sql/select_serve_users.sql"), &[], |conn, statement| {
            let mut users = RawUsersBuilder::with_capacity(0);
            conn.execute(statement, &[], |mut cells| {
                users.push(cells.u32()?, cells.text()?, cells.text()?);
                cells.end()
            })?;
            users.finish().map_err(|_| StoreError::Shape)
        })
    }

    /// One user, if there is one.
    pub(super) fn one(&self, id: u32) -> Result<Option<User>, StoreError> {
        self.read(include_str!("../../sql/select_serve_user.sql"), &[id], |conn, statement| {
            let mut user = None;
            conn.execute(statement, &[id], |mut cells| {
                let own = cells.u32()?;
                let [username, email] = [cells.text()?, cells.text()?].map(std::str::from_utf8);
                let texts = username.and_then(|username| Ok((username, email?))).map_err(|_| WrongCells)?;
                user = Some(User::new(own, texts.0, texts.1).map_err(|TooLong| WrongCells)?);
                cells.end()
            })?;
            Ok(user)
        })
    }

    fn read<T>(
        &self,
        sql: &str,
        _parameters: &[u32],
        rows: impl FnOnce(&mut RowConnection, &mysql::Statement) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let place = self.pool.take()?;
        let mut conn = match place.kept() {
            Some(conn) => conn,
            None => RowConnection::open(&self.endpoint)?,
        };
        let statement = conn.prepare(sql)?;
        let found = rows(&mut conn, &statement)?;
        // After an error the connection is closed instead.
        place.keep(conn);
        Ok(found)
    }

    /// Changes one user. `commit` is called with what ends the transaction, once the row is locked
    /// and changed; the transaction is rolled back if it does not call that. Returns false, and
    /// does not call it, if there is no such user.
    pub(super) fn write<E>(
        &self,
        user: &User,
        commit: impl FnOnce(&mut dyn FnMut() -> Result<(), StoreError>) -> Result<(), E>,
    ) -> Result<bool, E>
    where
        E: From<StoreError>,
    {
        let place = self.pool.take()?;
        let mut conn = connect::connect(&self.endpoint).map_err(StoreError::from)?;
        let fail = |source| StoreError::from(DbError::new("changing a user", source));
        let mut transaction = conn.start_transaction().map_err(fail)?;
        let locked: Option<u32> = transaction
            .exec_first(include_str!("../../sql/lock_serve_user.sql"), (user.id,))
            .map_err(fail)?;
        if locked.is_none() {
            return Ok(false);
        }
        let parameters = (user.username.as_str(), user.email.as_str(), user.id);
        transaction.exec_drop(include_str!("../../sql/update_serve_user.sql"), parameters).map_err(fail)?;
        let mut transaction = Some(transaction);
        commit(&mut || transaction.take().map_or(Ok(()), |own| own.commit().map_err(fail)))?;
        drop(place);
        Ok(true)
    }
}

impl Drop for UserTable {
    fn drop(&mut self) {
        // If this fails, the next command finds the mark and replaces the table.
        let _ = self.conn.with(|conn| Ok(drop_table(conn)?));
    }
}

/// A connection that holds the lock.
fn locked(endpoint: &MysqlEndpoint) -> Result<Session, TableError> {
    let mut conn = connect::connect(endpoint)?;
    let got: Option<Option<u8>> = conn
        .query_first(include_str!("../../sql/lock_serve.sql"))
        .map_err(|source| DbError::new("taking the lock of rcache serve", source))?;
    if got.flatten() == Some(1) { Ok(conn) } else { Err(TableError::Busy(endpoint.database.clone())) }
}

/// Whether there is a table of ours.
fn is_there(conn: &mut Session, endpoint: &MysqlEndpoint) -> Result<bool, TableError> {
    let found: Option<(String, String, String)> = conn
        .query_first(include_str!("../../sql/select_serve_table.sql"))
        .map_err(|source| DbError::new("looking for the table rcache_serve", source))?;
    let foreign = |kind| TableError::Foreign { database: endpoint.database.clone(), kind };
    match found {
        None => Ok(false),
        Some((name, kind, comment)) if kind == "BASE TABLE" && name == "rcache_serve" && comment == MARK => {
            Ok(true)
        }
        Some((_, kind, _)) if kind == "BASE TABLE" => Err(foreign("table")),
        Some(_) => Err(foreign("view")),
    }
}

fn drop_table(conn: &mut Session) -> Result<(), DbError> {
    conn.query_drop(include_str!("../../sql/drop_serve.sql"))
        .map_err(|source| DbError::new("dropping the table rcache_serve", source))
}

/// At most so many connections at a time; those that are free stay open.
#[derive(Default)]
struct Pool {
    state: Mutex<PoolState>,
    freed: Condvar,
}

#[derive(Default)]
struct PoolState {
    taken: usize,
    free: Vec<RowConnection>,
}

/// The right to one connection.
struct Place<'a>(&'a Pool);

impl Pool {
    fn take(&self) -> Result<Place<'_>, StoreError> {
        let end = Instant::now() + CONNECTION_WAIT;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.taken >= CONNECTIONS {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy);
            }
            let waited = self.freed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.taken += 1;
        Ok(Place(self))
    }
}

impl Place<'_> {
    fn kept(&self) -> Option<RowConnection> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free.pop()
    }

    fn keep(&self, conn: RowConnection) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(conn);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).taken -= 1;
        self.0.freed.notify_one();
    }
}
