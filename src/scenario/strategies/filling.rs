//! Fills a cache before clients come, with entries that each way of caching understands.

use std::sync::Arc;
use std::time::Duration;

use super::naive::fill;
use super::{ArmSetup, ArmSetupError, ClientError, Strategy};
use crate::cache::Cache;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;
use crate::scenario::strategies::app_redis::AppRedis;

/// Puts rows into the cache of an arm. They live as long as those that its clients put there.
pub(crate) struct Filler {
    keys: Keys,
    store: Store,
}

enum Store {
    Library(Cache),
    Application(Box<AppRedis>, Duration),
}

impl ArmSetup<'_> {
    /// None for the way without a cache.
    pub(crate) fn filler(&self, strategy: Strategy) -> Result<Option<Filler>, ArmSetupError> {
        let store = match strategy {
            Strategy::Mysql => return Ok(None),
            Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly => Store::Library(self.cache()?),
            Strategy::Naive | Strategy::NaiveDoubleDelete | Strategy::NaiveJitter | Strategy::Lock => {
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
