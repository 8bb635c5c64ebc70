//! Fills a cache before clients come, as if they had been there for long: with entries that each way of caching understands,
//! and with remaining lives.

use std::sync::Arc;
use std::time::Duration;

use super::naive::fill;
use super::{ClientError, Stage, StageError, Way};
use crate::cache::Cache;
use crate::scenario::arms::app_redis::AppRedis;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

/// Puts rows into the cache of an arm.
pub(crate) struct Filler {
    /// None if the entries are the library's.
    cache: Option<Cache>,
    redis: AppRedis,
    keys: Keys,
}

impl Stage<'_> {
    /// None for the way without a cache.
    pub(crate) fn filler(&self, way: Way) -> Result<Option<Filler>, StageError> {
        let cache = match way {
            Way::Mysql => return Ok(None),
            Way::Naive | Way::NaiveDoubleDelete | Way::NaiveJitter | Way::Lock => None,
            Way::Lease | Way::LeaseMarker | Way::LeaseEarly => Some(self.cache()?),
        };
        // What is done here is no work of the clients.
        let redis = self.app_redis_with(&Arc::default())?;
        Ok(Some(Filler { cache, redis, keys: self.keys.clone() }))
    }
}

impl Filler {
    /// Stores the row for so long.
    pub(crate) fn fill(&mut self, row: &Row, remaining: Duration) -> Result<(), ClientError> {
        // Redis takes no time to live of zero.
        let remaining = remaining.max(Duration::from_millis(1));
        let Some(cache) = &self.cache else {
            return fill(&mut self.redis, &self.keys.entry(row.id), row, remaining);
        };
        cache.get(&self.keys.key(row.id)?, || Ok::<_, ClientError>(Some(row.clone())))?;
        let remaining_ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
        let entry = self.keys.entry(row.id);
        self.redis.ask::<u64>(redis::cmd("PEXPIRE").arg(entry).arg(remaining_ms))?;
        Ok(())
    }
}
