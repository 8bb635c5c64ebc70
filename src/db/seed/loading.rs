//! Loads the users over several connections at once: one keeps only one of the server's cores busy.
//!
//! The caller's connection always loads. Others join it where the server gives them; where it does not, there are
//! fewer, and nothing else changes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mysql::Conn;

use super::chunks::Chunks;
use super::sending::Sending;
use super::{Method, Progress, SeedError, lock};
use crate::db::connect;
use crate::endpoint::MysqlEndpoint;
use crate::users::DataSet;

/// A connection for which the server, or a proxy before it, takes longer is done without.
const JOIN_PATIENCE: Duration = Duration::from_secs(2);

/// Sends every user into the empty table. `conn` holds rcache's lock.
pub(super) fn load(
    conn: &mut Conn,
    endpoint: &MysqlEndpoint,
    data: DataSet,
    progress: &Progress,
) -> Result<Method, SeedError> {
    let crew = Crew {
        chunks: Chunks::of(data.users),
        sending: Sending::new(data, progress),
        refused: AtomicBool::new(false),
        failure: OnceLock::new(),
    };
    // A server that cannot say who holds the lock is loaded by the caller's connection alone.
    let holder = lock::holder(conn).ok().flatten();
    let others = if holder.is_some() { crew.chunks.loaders() - 1 } else { 0 };
    thread::scope(|scope| {
        let help = || {
            if let Some(mut conn) = join(endpoint, holder) {
                crew.work(&mut conn);
            }
        };
        // A machine that gives no thread gives one loader fewer.
        let others: Vec<_> =
            (0..others).filter_map(|_| thread::Builder::new().spawn_scoped(scope, help).ok()).collect();
        crew.work(conn);
        lock::hold_until(conn, || others.iter().all(thread::ScopedJoinHandle::is_finished));
    });
    match crew.failure.into_inner() {
        Some(error) => Err(error),
        None if crew.refused.into_inner() => Ok(Method::Insert),
        None => Ok(Method::LoadData),
    }
}

/// Another connection to the very server on which `holder` holds the lock: behind a name or a proxy there may be several,
/// and rows that another one took might not be here yet when they are counted.
fn join(endpoint: &MysqlEndpoint, holder: Option<u64>) -> Option<Conn> {
    let mut conn = connect::connect_within(endpoint, JOIN_PATIENCE).ok()?;
    if lock::holder(&mut conn).ok()? != holder {
        return None;
    }
    // Loading may take as long as it takes.
    connect::wait_patiently(&conn).ok()?;
    Some(conn)
}

/// What the loaders share.
struct Crew {
    chunks: Chunks,
    sending: Sending,
    /// The server does not allow LOAD DATA LOCAL.
    refused: AtomicBool,
    /// The first one. It is there before the others are told to stop, so that what follows from that finds its place taken.
    failure: OnceLock<SeedError>,
}

impl Crew {
    /// Takes chunk after chunk until none is left, or until somebody failed.
    fn work(&self, conn: &mut Conn) {
        while let Some(ids) = self.chunks.take() {
            let sent = self.sending.check().map_err(SeedError::from).and_then(|()| self.send(conn, ids));
            if let Err(error) = sent {
                let _ = self.failure.set(error);
                self.sending.stop();
                return;
            }
        }
    }

    fn send(&self, conn: &mut Conn, ids: std::ops::RangeInclusive<u32>) -> Result<(), SeedError> {
        if !self.refused.load(Ordering::Relaxed) {
            match self.sending.load_data(conn, ids.clone()) {
                Err(SeedError::Db(error)) if error.code().is_some_and(is_local_infile_refused) => {
                    self.refused.store(true, Ordering::Relaxed);
                }
                outcome => return outcome,
            }
        }
        self.sending.insert(conn, ids)
    }
}

/// ER_NOT_ALLOWED_COMMAND, ER_CLIENT_LOCAL_FILES_DISABLED, ER_LOAD_INFILE_CAPABILITY_DISABLED (MariaDB).
fn is_local_infile_refused(code: u16) -> bool {
    matches!(code, 1148 | 3948 | 4166)
}
