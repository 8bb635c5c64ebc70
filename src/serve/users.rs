//! The users of the application: a copy of the seeded table, so that its writes change no user that
//! a bench verifies. Connections are kept open, a limited number of them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db::connect;
use crate::db::error::DbError;
use crate::db::own_table::{Held, SERVE, TableError};
use crate::db::rows::{RowConnection, RowsError, WrongCells};
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::reopen::Reopening;
use crate::users::{RawUsersBuilder, TooLong, User, Users};

/// Connections for reads.
const CONNECTIONS: usize = 16;
/// A read that gets no connection by then fails.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);

/// Why a user could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("all {CONNECTIONS} connections to MySQL were in use for too long")]
    Busy,
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("MySQL sent a row that is not a user")]
    Shape,
}

/// The table `rcache_serve`.
pub(crate) struct UserTable {
    endpoint: MysqlEndpoint,
    _table: Held,
    pool: Pool,
}

impl UserTable {
    /// Copies the seeded users.
    ///
    /// # Errors
    /// If the database has another table of that name, or another command uses it.
    pub(crate) fn create(endpoint: &MysqlEndpoint) -> Result<Self, TableError> {
        let copy = |conn: &mut Session| -> Result<(), TableError> {
            [include_str!("../../sql/create_serve.sql"), include_str!("../../sql/copy_serve.sql")]
                .into_iter()
                .try_for_each(|sql| conn.query_drop(sql))
                .map_err(|source| DbError::new("copying the users to rcache_serve", source).into())
        };
        let table = SERVE.create(endpoint, copy)?;
        Ok(Self { endpoint: endpoint.clone(), _table: table, pool: Pool::default() })
    }

    /// Every user.
    pub(super) fn all(&self) -> Result<Users, StoreError> {
        self.read(include_str!("../../sql/select_serve_users.sql"), |conn, statement| {
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
        self.read(include_str!("../../sql/select_serve_user.sql"), |conn, statement| {
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
        rows: impl FnOnce(&mut RowConnection, &mysql::Statement) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let place = self.pool.take()?;
        let mut kept = match place.kept() {
            Some(kept) => kept,
            None => {
                let endpoint = self.endpoint.clone();
                let open = move || Ok(RowConnection::open(&endpoint)?);
                Reopening::open(open, |conn| conn.round_trip().is_ok())?
            }
        };
        let found = kept.with(|conn| {
            let statement = conn.prepare(sql)?;
            rows(conn, &statement)
        })?;
        // After an error the connection is closed instead.
        place.keep(kept);
        Ok(found)
    }

    /// Changes one user. `commit` is called with what ends the transaction, once the row is locked
    /// and changed; the transaction is rolled back if it does not call that. Returns false, and
    /// does not call it, if this user does not exist.
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

/// At most so many connections at a time; those that are free stay open.
#[derive(Default)]
struct Pool {
    state: Mutex<PoolState>,
    freed: Condvar,
}

#[derive(Default)]
struct PoolState {
    taken: usize,
    free: Vec<Kept>,
}

/// A connection of the pool, which a proxy or the server may close while nothing is asked.
type Kept = Reopening<RowConnection, StoreError>;

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
    fn kept(&self) -> Option<Kept> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free.pop()
    }

    fn keep(&self, kept: Kept) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(kept);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).taken -= 1;
        self.0.freed.notify_one();
    }
}
