//! Fills a cache before clients come, with entries that each way of caching understands.

use std::sync::Arc;
use std::time::Duration;

use super::naive::fill;
use super::{ClientError, Stage, StageError, Way};
use crate::cache::Cache;
use crate::scenario::arms::app_redis::AppRedis;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

/// Puts rows into the cache of an arm. They live as long as those that its clients put there.
pub(crate) struct Filler {
    keys: Keys,
    store: Store,
}

enum Store {
    Library(Cache),
    Application(Box<AppRedis>, Duration),
}

impl Stage<'_> {
    /// None for the way without a cache.
    pub(crate) fn filler(&self, way: Way) -> Result<Option<Filler>, StageError> {
        let store = match way {
            Way::Mysql => return Ok(None),
            Way::Lease | Way::LeaseMarker | Way::LeaseEarly => Store::Library(self.cache()?),
            Way::Naive | Way::NaiveDoubleDelete | Way::NaiveJitter | Way::Lock => {
                // What is done here is no work of the clients.
                Store::Application(Box::new(self.app_redis_with(&Arc::default())?), self.options.ttl)
            }
        };
        Ok(Some(Filler { keys: self.keys.clone(), store }))
    }
}

impl Filler {
    pub(crate) fn fill(&mut self, row: &Row) -> Result<(), ClientError> {
        match &mut self.store {
            Store::Library(cache) => {
                cache.get(&self.keys.key(row.id)?, || Ok::<_, ClientError>(Some(row.clone())))?;
                Ok(())
            }
            Store::Application(redis, ttl) => fill(redis, &self.keys.entry(row.id), row, *ttl),
        }
    }

    /// Waits until every entry is there.
    pub(crate) fn flush(&self) {
        if let Store::Library(cache) = &self.store {
            cache.flush();
        }
    }
}
