//! A client's own way to the table: loads that are counted and can be slowed down, and writes that
//! announce their COMMIT.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mysql::Statement;

use super::row::Row;
use crate::db::connect;
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::reopen::Reopening;

/// The number of times that the database was asked for a row, over all clients of an arm.
#[derive(Debug)]
pub(crate) struct Loads {
    all: AtomicU64,
    /// By id; ids beyond the rows are in `all` only.
    of_row: Vec<AtomicU64>,
    log: Option<Log>,
}

/// When each load began.
#[derive(Debug)]
struct Log {
    since: Instant,
    begun: Mutex<Vec<Duration>>,
}

impl Loads {
    pub(crate) fn new(rows: u32) -> Self {
        Self { all: AtomicU64::new(0), of_row: (0..rows).map(|_| AtomicU64::new(0)).collect(), log: None }
    }

    /// Like `new`, and remembers when each load began, counted from now.
    pub(crate) fn logged(rows: u32) -> Self {
        let log = Log { since: Instant::now(), begun: Mutex::default() };
        Self { log: Some(log), ..Self::new(rows) }
    }

    /// When each load began, in order; nothing where that was not to be remembered.
    pub(crate) fn begun(&self) -> Vec<Duration> {
        let Some(log) = &self.log else { return Vec::new() };
        let mut begun = log.begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
        begun.sort_unstable();
        begun
    }

    fn count(&self, id: u32) {
        self.all.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.slot(id) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(log) = &self.log {
            log.begun.lock().unwrap_or_else(PoisonError::into_inner).push(log.since.elapsed());
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Begins anew, for what comes after a preparation. Nobody may be loading.
    pub(crate) fn forget(&self) {
        self.all.store(0, Ordering::Relaxed);
        self.of_row.iter().for_each(|row| row.store(0, Ordering::Relaxed));
        if let Some(log) = &self.log {
            log.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn slot(&self, id: u32) -> Option<&AtomicU64> {
        usize::try_from(id).ok().and_then(|index| self.of_row.get(index))
    }
}

thread_local! {
    static LOADED_HERE: Cell<u64> = const { Cell::new(0) };
}

/// The number of loads of this thread. A client works in a thread of its own, and so does its
/// loader, whichever way leads to it: so one sees from outside whether a read was a hit.
pub(crate) fn loaded_here() -> u64 {
    LOADED_HERE.get()
}

/// A database that carries out so many loads a second, one after the other, and a client that waits
/// for each of them only so long. What nobody waits for any more is carried out all the same.
#[derive(Debug)]
pub(crate) struct Capacity {
    load_ns: u64,
    patience: Duration,
    since: Instant,
    /// When the last load in the queue is done.
    done_ns: AtomicU64,
}

impl Capacity {
    pub(crate) fn new(loads_per_s: u32, patience: Duration) -> Self {
        let load_ns = 1_000_000_000 / u64::from(loads_per_s.max(1));
        Self { load_ns, patience, since: Instant::now(), done_ns: AtomicU64::new(0) }
    }

    /// Waits for its turn.
    fn queue(&self) -> Result<(), DbError> {
        let now_ns = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let done = |before: u64| before.max(now_ns) + self.load_ns;
        let before =
            self.done_ns.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |before| Some(done(before)));
        let wait = Duration::from_nanos(done(before.unwrap_or_else(|before| before)) - now_ns);
        thread::sleep(wait.min(self.patience));
        if wait <= self.patience {
            return Ok(());
        }
        let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within the query timeout");
        Err(DbError::new("reading a row of rcache_scenario", mysql::Error::IoError(cause)))
    }
}

/// An open connection with what is prepared on it.
struct Prepared {
    conn: Session,
    select: Statement,
    lock_row: Statement,
    update: Statement,
}

impl Prepared {
    fn open(endpoint: &MysqlEndpoint) -> Result<Self, DbError> {
        let mut conn = connect::connect(endpoint)?;
        let mut prepare = |sql: &str| {
            conn.prep(sql).map_err(|source| DbError::new("preparing a statement on rcache_scenario", source))
        };
        let select = prepare(include_str!("../../sql/select_scenario_row.sql"))?;
        let lock_row = prepare(include_str!("../../sql/lock_scenario_row.sql"))?;
        let update = prepare(include_str!("../../sql/update_scenario_row.sql"))?;
        Ok(Self { conn, select, lock_row, update })
    }
}

/// A connection of one client. A client that finds everything in the cache leaves it idle for as
/// long as its arm lasts.
pub(crate) struct Database {
    connection: Reopening<Prepared, DbError>,
    loads: Arc<Loads>,
    /// Passes between the answer of the database and the end of a load, so that races which take a
    /// busy day elsewhere happen within seconds.
    load_delay: Duration,
    capacity: Option<Arc<Capacity>>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError<E> {
    #[error(transparent)]
    Db(DbError),
    /// The action before the COMMIT failed; the write was rolled back.
    #[error(transparent)]
    Refused(E),
}

impl Database {
    pub(crate) fn open(
        endpoint: &MysqlEndpoint,
        loads: &Arc<Loads>,
        load_delay: Duration,
    ) -> Result<Self, DbError> {
        let endpoint = endpoint.clone();
        let open = move || Prepared::open(&endpoint);
        let connection = Reopening::open(open, |prepared| prepared.conn.ping().is_ok())?;
        Ok(Self { connection, loads: Arc::clone(loads), load_delay, capacity: None })
    }

    /// With a limit that it shares with others.
    pub(crate) fn limited(self, capacity: Option<Arc<Capacity>>) -> Self {
        Self { capacity, ..self }
    }

    /// The row as it is committed. Counted.
    pub(crate) fn load(&mut self, id: u32) -> Result<Option<Row>, DbError> {
        self.loads.count(id);
        LOADED_HERE.set(LOADED_HERE.get() + 1);
        self.capacity.as_ref().map_or(Ok(()), |capacity| capacity.queue())?;
        let row = self.committed(id)?;
        if !self.load_delay.is_zero() {
            thread::sleep(self.load_delay);
        }
        Ok(row)
    }

    /// The row as it is committed, for the experimenter: neither counted nor slowed down.
    pub(crate) fn committed(&mut self, id: u32) -> Result<Option<Row>, DbError> {
        let row: Option<(u64, String)> = self.connection.with(|Prepared { conn, select, .. }| {
            conn.exec_first(&*select, (id,))
                .map_err(|source| DbError::new("reading a row of rcache_scenario", source))
        })?;
        Ok(row.map(|(version, payload)| Row { id, version, payload }))
    }

    /// Raises the row's version in a transaction. `before_commit` runs when all statements are
    /// through, and what it returns comes back with the new version once the COMMIT did.
    pub(crate) fn write<T, E>(
        &mut self,
        id: u32,
        before_commit: impl FnOnce() -> Result<T, E>,
    ) -> Result<(u64, T), WriteError<E>> {
        let prepared = self.connection.get().map_err(WriteError::Db)?;
        let written = write(prepared, id, before_commit);
        if matches!(written, Err(WriteError::Db(_))) {
            self.connection.forget();
        }
        written
    }
}

fn write<T, E>(
    prepared: &mut Prepared,
    id: u32,
    before_commit: impl FnOnce() -> Result<T, E>,
) -> Result<(u64, T), WriteError<E>> {
    let fail = |source| WriteError::Db(DbError::new("writing a row of rcache_scenario", source));
    // Dropped without a COMMIT, a transaction is rolled back.
    let Prepared { conn, lock_row, update, .. } = prepared;
    let mut transaction = conn.start_transaction().map_err(fail)?;
    let version: Option<u64> = transaction.exec_first(&*lock_row, (id,)).map_err(fail)?;
    let row = Row::of(id, version.unwrap_or(0) + 1);
    transaction.exec_drop(&*update, (row.version, row.payload, id)).map_err(fail)?;
    let announced = before_commit().map_err(WriteError::Refused)?;
    transaction.commit().map_err(fail)?;
    Ok((row.version, announced))
}
