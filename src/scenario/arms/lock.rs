//! A lock around the miss, as most remedies against stampedes have it: SET NX, load, an unchecked
//! SET, unlock.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::app_redis::AppRedis;
use super::naive::{cached, fill};
use super::{AppCounts, Client, ClientError, Fate};
use crate::scenario::database::Database;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

/// The time for which a lock outlives its holder, and the longest wait of the others.
const LOCK_MS: u64 = 1_000;
const PATIENCE: Duration = Duration::from_millis(LOCK_MS);
const PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Locking {
    pub(super) database: Database,
    pub(super) redis: AppRedis,
    pub(super) counts: Arc<AppCounts>,
    pub(super) keys: Keys,
    pub(super) ttl: Duration,
}

impl Client for Locking {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        let key = self.keys.entry(id);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(row) = cached(&mut self.redis, &key)? {
                self.counts.hits.add();
                return Ok(Some(row));
            }
            let lock = self.keys.lock(id);
            let taken: Option<String> =
                self.redis.ask(redis::cmd("SET").arg(&lock).arg(1).arg("NX").arg("PX").arg(LOCK_MS))?;
            if taken.is_some() {
                self.counts.locks.add();
                return self.load(id, &key, &lock);
            }
            thread::sleep(PAUSE);
        }
        Ok(self.database.load(id)?)
    }

    fn write(&mut self, id: u32, fate: Fate) -> Result<u64, ClientError> {
        let (version, ()) = self.database.write(id, || Ok::<_, ClientError>(()))?;
        if fate == Fate::Returns {
            self.redis.ask::<u64>(redis::cmd("DEL").arg(self.keys.entry(id)))?;
        }
        Ok(version)
    }
}

impl Locking {
    /// With the lock in hand. That it may have expired meanwhile and be somebody else's is the
    /// custom's second flaw.
    fn load(&mut self, id: u32, key: &[u8], lock: &[u8]) -> Result<Option<Row>, ClientError> {
        let row = self.database.load(id);
        if let Ok(Some(row)) = &row {
            fill(&mut self.redis, key, row, self.ttl)?;
            self.counts.fills.add();
        }
        self.redis.ask::<u64>(redis::cmd("DEL").arg(lock))?;
        Ok(row?)
    }
}
