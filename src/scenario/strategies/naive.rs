//! The cache-aside that everybody writes: GET, on a miss SELECT and SET; writers COMMIT, then DEL.

use std::sync::Arc;
use std::time::Duration;

use super::app_redis::AppRedis;
use super::delayed::Desk;
use super::{AppCounts, Client, ClientError, WriterOutcome};
use crate::scenario::database::Database;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

pub(super) struct Naive {
    pub(super) database: Database,
    pub(super) redis: AppRedis,
    pub(super) counts: Arc<AppCounts>,
    pub(super) keys: Keys,
    pub(super) ttl: Duration,
    /// Whether a time to live is shortened by up to a tenth, by chance.
    pub(super) jitter: bool,
    /// The desk where a second DEL is ordered.
    pub(super) later: Option<Desk>,
}

impl Client for Naive {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        let key = self.keys.entry(id);
        if let Some(row) = cached(&mut self.redis, &key)? {
            self.counts.hits.add();
            return Ok(Some(row));
        }
        let row = self.database.load(id)?;
        if let Some(row) = &row {
            let uniform = if self.jitter { rand::random::<f64>() } else { 0.0 };
            fill(&mut self.redis, &key, row, self.ttl.mul_f64(1.0 - uniform / 10.0))?;
            self.counts.fills.add();
        }
        Ok(row)
    }

    fn write(&mut self, id: u32, writer_outcome: WriterOutcome) -> Result<u64, ClientError> {
        let (version, ()) = self.database.write(id, || Ok::<_, ClientError>(()))?;
        if writer_outcome == WriterOutcome::Returns {
            let key = self.keys.entry(id);
            self.redis.ask::<u64>(redis::cmd("DEL").arg(&key))?;
            if let Some(later) = &self.later {
                later.delete_later(key);
            }
        }
        Ok(version)
    }
}

/// The value under the key.
pub(super) fn cached(redis: &mut AppRedis, key: &[u8]) -> Result<Option<Row>, ClientError> {
    let bytes: Option<Vec<u8>> = redis.ask(redis::cmd("GET").arg(key))?;
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
}

/// SET, whatever happened since the row was read.
pub(super) fn fill(redis: &mut AppRedis, key: &[u8], row: &Row, ttl: Duration) -> Result<(), ClientError> {
    let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    let value = serde_json::to_vec(row)?;
    Ok(redis.ask(redis::cmd("SET").arg(key).arg(value).arg("PX").arg(ttl_ms))?)
}
