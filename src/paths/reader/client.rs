//! The client of a bench: two servers, a prepared question, and every way to have it answered.

use std::time::Instant;

use super::{CacheOutcome, LARGE_ENTRY_BYTES, Read, ReadError, Reader};
use crate::model::phase::Phase;
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, ReadPath};
use crate::paths::client::Client;
use crate::paths::query::{Check, Found, LoadError, Query};
use crate::reopen::TRUSTED_FOR;
use crate::samples::request_counts::{Exchanges, RequestCounts};
use crate::samples::written::Written;

impl<Q: Query> Client for Reader<Q> {
    type Answer = Q::Answer;

    const TRUTH: &'static str = Q::TRUTH;

    #[inline]
    fn read(
        &mut self,
        how: BlockKind,
        item: u32,
        end: &mut impl FnMut(Phase),
    ) -> Result<Read<Q::Answer>, ReadError> {
        let series = match how {
            BlockKind::Series(series) => series,
            BlockKind::AtHitRatio { codec, .. } => {
                // The library's own choice of the first look.
                let entries = self.entries_of(Series::cached(ReadPath::Warm, codec))?;
                return self.read_through_cache(entries, item, None, end);
            }
        };
        match series.path {
            ReadPath::Mysql | ReadPath::Disk => {
                let answer = self.load(item)?;
                end(Phase::Query);
                Ok(Read { answer, cache: CacheOutcome::Bypassed })
            }
            ReadPath::Cold | ReadPath::Warm => {
                let (entries, expects_miss) = (self.entries_of(series)?, series.path == ReadPath::Cold);
                self.read_through_cache(entries, item, Some(expects_miss), end)
            }
            ReadPath::Naive => self.read_naively(self.entries_of(series)?, item, end),
        }
    }

    fn check(&mut self, item: u32, read: &Read<Q::Answer>) -> Result<Check, ReadError> {
        let found = Found {
            item,
            answer: &read.answer,
            is_hit: read.cache == CacheOutcome::Hit,
            is_entry: read.cache == CacheOutcome::Miss,
            reference: self.reference.as_ref(),
        };
        Ok(self.query.check(&mut self.mysql, found)?)
    }

    fn wake(&mut self) -> Result<(), ReadError> {
        let Some(reopen) = self.reopen.as_ref().filter(|_| self.used.elapsed() >= TRUSTED_FOR) else {
            return Ok(());
        };
        let is_alive = self.redis.ping_all().is_ok() && self.mysql.round_trip().is_ok();
        self.requests.text_selects += 1;
        if !is_alive {
            let (mysql, redis, query) = reopen().map_err(|error| ReadError::Lost(format!("{error:#}")))?;
            self.requests.text_selects += mysql.set_up_selects();
            (self.mysql, self.query) = (mysql, query);
            self.redis = redis;
        }
        self.used = Instant::now();
        Ok(())
    }

    fn prepare(&mut self, series: Series, items: &[u32]) -> Result<(), ReadError> {
        self.wake()?;
        match series.path {
            ReadPath::Mysql | ReadPath::Disk => {}
            ReadPath::Cold | ReadPath::Naive => self.remove(series, items)?,
            ReadPath::Warm => self.fill_missing(series, items)?,
        }
        self.prime()?;
        self.used = Instant::now();
        Ok(())
    }

    fn flush(&self) {
        self.cache.flush();
    }

    fn prime(&mut self) -> Result<(), ReadError> {
        self.select_1()?;
        self.redis.ping_all()?;
        if self.entries.is_empty() { Ok(()) } else { self.cache.ping().map_err(ReadError::Cache) }
    }

    fn ping(&mut self) -> Result<(), ReadError> {
        Ok(self.redis.ping()?)
    }

    fn select_1(&mut self) -> Result<(), ReadError> {
        self.requests.text_selects += 1;
        self.mysql.round_trip().map_err(LoadError::from)?;
        Ok(())
    }

    fn has_large_entries(&self, codec: Codec) -> bool {
        let own = self.entries.iter().find(|entries| entries.name == codec);
        let bytes = own.and_then(|entries| entries.written.entry_bytes());
        bytes.is_some_and(|bytes| bytes >= LARGE_ENTRY_BYTES)
    }

    fn fetch(&mut self, codec: Codec, item: u32) -> Result<(), ReadError> {
        let own = self.entries.iter().find(|entries| entries.name == codec).ok_or(ReadError::NoCodec)?;
        let (key, value) = &mut self.fetched;
        own.keys.write_key(self.query.key_id(item), key);
        self.requests.look_ups += 1;
        self.redis.get(key, value)?;
        Ok(())
    }

    #[inline]
    fn exchanges(&self) -> Exchanges {
        Exchanges { mysql: self.mysql.exchanges(), redis: self.redis_exchanges }
    }

    fn loads(&self) -> u64 {
        self.loads
    }

    fn requests(&self) -> RequestCounts {
        self.requests
    }

    fn written(&self) -> Vec<(Codec, Written)> {
        self.entries.iter().map(|entries| (entries.name, entries.written)).collect()
    }
}
