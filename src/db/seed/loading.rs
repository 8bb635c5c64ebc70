//! Loads the users over several connections at once: one keeps only one of the server's cores busy.
//!
//! The caller's connection always loads. Others join it where the server gives them; where it does
//! not, there are fewer, and nothing else changes.

use std::ops::RangeInclusive;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::chunks::Chunks;
use super::sending::Sending;
use super::{Method, Progress, SeedError, lock};
use crate::db::connect;
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::users::DataSet;

/// A connection for which the server, or a proxy before it, takes longer is done without.
const JOIN_LIMIT: Duration = Duration::from_secs(2);

/// Sends every user into the empty table. `conn` holds rcache's lock.
pub(super) fn load(
    conn: &mut Session,
    endpoint: &MysqlEndpoint,
    data: DataSet,
    progress: &Progress,
) -> Result<Method, SeedError> {
    let crew = Crew {
        chunks: Chunks::of(data.users),
        sending: Sending::new(data, progress),
        refusal: OnceLock::new(),
        returned: Mutex::default(),
        failure: OnceLock::new(),
    };
    // A server that cannot say who holds the lock is loaded by the caller's connection alone.
    let holder = lock::holder(conn).ok().flatten();
    let others = if holder.is_some() { crew.chunks.loaders() - 1 } else { 0 };
    thread::scope(|scope| {
        let help = || {
            if let Some(mut conn) = join(endpoint, holder) {
                crew.work(&mut conn, None);
            }
        };
        // A machine that gives no thread gives one loader fewer.
        let others: Vec<_> =
            (0..others).filter_map(|_| thread::Builder::new().spawn_scoped(scope, help).ok()).collect();
        crew.work(conn, Some(endpoint));
        lock::hold_until(conn, || others.iter().all(thread::ScopedJoinHandle::is_finished));
    });
    crew.finish(conn, endpoint);
    match (crew.failure.into_inner(), crew.refusal.into_inner()) {
        (Some(error), _) => Err(error),
        (None, Some(refusal)) => Ok(Method::Insert { refusal }),
        (None, None) => Ok(Method::LoadData),
    }
}

/// Another connection to the very server on which `holder` holds the lock: behind a name or a proxy
/// there may be several, and rows that another one took might not be here yet when they are
/// counted.
fn join(endpoint: &MysqlEndpoint, holder: Option<u64>) -> Option<Session> {
    let mut conn = connect::connect_within(endpoint, JOIN_LIMIT).ok()?;
    (lock::holder(&mut conn).ok()? == holder).then_some(conn)
}

/// The state that the loaders share.
struct Crew {
    chunks: Chunks,
    sending: Sending,
    /// Why LOAD DATA LOCAL does not work here, once INSERT did what it did not.
    refusal: OnceLock<String>,
    /// Chunks of loaders whose connection failed: the caller's connection sends them again.
    returned: Mutex<Vec<RangeInclusive<u32>>>,
    /// The first one. It is there before the others are told to stop, so that what follows from
    /// that finds its place taken.
    failure: OnceLock<SeedError>,
}

impl Crew {
    /// Takes chunk after chunk until none is left or a loader failed. Only the caller's connection
    /// is opened again, at `endpoint`, if a refusal has cost it.
    fn work(&self, conn: &mut Session, endpoint: Option<&MysqlEndpoint>) {
        while let Some(ids) = self.chunks.take() {
            match self
                .sending
                .check()
                .map_err(SeedError::from)
                .and_then(|()| self.send(conn, endpoint, ids.clone()))
            {
                Ok(()) => {}
                Err(SeedError::Db(error)) if endpoint.is_none() && error.is_connection_lost() => {
                    self.returned.lock().unwrap_or_else(PoisonError::into_inner).push(ids);
                    return;
                }
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&self, error: SeedError) {
        let _ = self.failure.set(error);
        self.sending.stop();
    }

    /// Sends what other loaders have given back.
    fn finish(&self, conn: &mut Session, endpoint: &MysqlEndpoint) {
        let returned = std::mem::take(&mut *self.returned.lock().unwrap_or_else(PoisonError::into_inner));
        for ids in returned {
            let sent = self
                .sending
                .check()
                .map_err(SeedError::from)
                .and_then(|()| remove(conn, &ids))
                .and_then(|()| self.send(conn, Some(endpoint), ids));
            if let Err(error) = sent {
                return self.fail(error);
            }
        }
    }

    /// Sends a chunk by LOAD DATA LOCAL, and by INSERT if that is refused: whatever the reason,
    /// INSERT tells whether it was the way or the rows.
    fn send(
        &self,
        conn: &mut Session,
        endpoint: Option<&MysqlEndpoint>,
        ids: RangeInclusive<u32>,
    ) -> Result<(), SeedError> {
        if self.refusal.get().is_some() {
            return self.sending.insert(conn, ids);
        }
        let refused = match self.sending.load_data(conn, ids.clone()) {
            Err(SeedError::Db(error)) => error,
            outcome => return outcome,
        };
        match endpoint {
            _ if refused.code().is_some() => self.sending.insert(conn, ids)?,
            Some(endpoint) if refused.is_connection_lost() => {
                if self.insert_anew(conn, endpoint, ids).is_err() {
                    // What failed first says more than what followed from it.
                    self.sending.check()?;
                    return Err(refused.into());
                }
            }
            _ => return Err(refused.into()),
        }
        // Another loader may have been told before.
        let _ = self.refusal.set(refused.words().to_owned());
        Ok(())
    }

    fn insert_anew(
        &self,
        conn: &mut Session,
        endpoint: &MysqlEndpoint,
        ids: RangeInclusive<u32>,
    ) -> Result<(), SeedError> {
        *conn = connect::connect(endpoint)?;
        lock::lock(conn)?;
        remove(conn, &ids)?;
        self.sending.insert(conn, ids)
    }
}

/// Removes what the server may have taken before a connection failed.
fn remove(conn: &mut Session, ids: &RangeInclusive<u32>) -> Result<(), SeedError> {
    conn.exec_drop(include_str!("../../../sql/delete_users.sql"), (*ids.start(), *ids.end()))
        .map_err(|source| DbError::new("removing half-sent rows", source).into())
}
