//! A lock around the miss, as most remedies against stampedes have it: SET NX, load, an unchecked
//! SET, unlock.

use std::thread;
use std::time::{Duration, Instant};

use super::naive::{Naive, cached, fill};
use super::{Client, ClientError, WriterOutcome};
use crate::scenario::row::Row;

/// The time for which a lock outlives its holder, and the longest wait of the others.
const LOCK_MS: u64 = 1_000;
const PATIENCE: Duration = Duration::from_millis(LOCK_MS);
const PAUSE: Duration = Duration::from_millis(1);

/// Writes as the naive way does.
pub(super) struct Locking(pub(super) Naive);

impl Client for Locking {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        let Self(Naive { database, redis, counts, keys, .. }) = self;
        let key = keys.entry(id);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(row) = cached(redis, &key)? {
                counts.hits.add();
                return Ok(Some(row));
            }
            let lock = keys.lock(id);
            let taken: Option<String> =
                redis.ask(redis::cmd("SET").arg(&lock).arg(1).arg("NX").arg("PX").arg(LOCK_MS))?;
            if taken.is_some() {
                counts.locks.add();
                return self.load(id, &key, &lock);
            }
            thread::sleep(PAUSE);
        }
        Ok(database.load(id)?)
    }

    fn write(&mut self, id: u32, writer_outcome: WriterOutcome) -> Result<u64, ClientError> {
        self.0.write(id, writer_outcome)
    }
}

impl Locking {
    /// Loads with the lock held. The second flaw of this strategy: the lock may have expired, and
    /// another client may hold it now.
    fn load(&mut self, id: u32, key: &[u8], lock: &[u8]) -> Result<Option<Row>, ClientError> {
        let Self(Naive { database, redis, counts, ttl, .. }) = self;
        let row = database.load(id);
        if let Ok(Some(row)) = &row {
            fill(redis, key, row, *ttl)?;
            counts.fills.add();
        }
        redis.ask::<u64>(redis::cmd("DEL").arg(lock))?;
        Ok(row?)
    }
}
