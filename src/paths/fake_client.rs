//! A client without servers: the same measuring code runs in tests, and ends in a page.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client::Client;
use super::query::Check;
use super::reader::{CacheOutcome, Read, ReadError};
use crate::model::phase::Phase;
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, ReadPath};
use crate::samples::request_counts::{Exchanges, RequestCounts};
use crate::samples::written::Written;

/// Bytes of each of its entries.
const ENTRY_BYTES: u64 = 100;

/// A database in which the row of an item is its number, and a cache that clients share.
#[derive(Default)]
pub(crate) struct FakeClient {
    cache: Arc<Mutex<HashSet<(Codec, u32)>>>,
    counts: RequestCounts,
    exchanges: Exchanges,
    loads: u64,
    written: u64,
    /// The items whose answers are wrong.
    wrong: HashSet<u32>,
    /// The items that cannot be read.
    unreadable: HashSet<u32>,
}

impl FakeClient {
    /// A client whose answers for some items are wrong, and that cannot read others.
    pub(crate) fn new(
        wrong: impl IntoIterator<Item = u32>,
        unreadable: impl IntoIterator<Item = u32>,
    ) -> Self {
        Self {
            wrong: wrong.into_iter().collect(),
            unreadable: unreadable.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Another client of the same servers.
    pub(crate) fn beside(&self) -> Self {
        Self {
            cache: Arc::clone(&self.cache),
            wrong: self.wrong.clone(),
            unreadable: self.unreadable.clone(),
            ..Self::default()
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashSet<(Codec, u32)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&mut self, item: u32) -> Result<u32, ReadError> {
        self.loads += 1;
        self.counts.executes += 1;
        self.exchanges.mysql += 1;
        if self.unreadable.contains(&item) {
            return Err(ReadError::Lost("the fake was told to fail".to_owned()));
        }
        Ok(if self.wrong.contains(&item) { item + 1 } else { item })
    }

    fn look_up(&mut self) {
        self.counts.look_ups += 1;
        self.exchanges.redis += 1;
    }
}

impl Client for FakeClient {
    type Answer = u32;

    const TRUTH: &'static str = "its number says";

    fn read(
        &mut self,
        how: BlockKind,
        item: u32,
        end: &mut impl FnMut(Phase),
    ) -> Result<Read<u32>, ReadError> {
        let codec = match how {
            BlockKind::Series(series) => series.codec,
            BlockKind::AtHitRatio { codec, .. } => Some(codec),
        };
        let Some(codec) = codec else {
            let answer = self.load(item)?;
            end(Phase::Query);
            return Ok(Read { answer, cache: CacheOutcome::Bypassed });
        };
        self.look_up();
        end(Phase::Get);
        if self.entries().contains(&(codec, item)) {
            end(Phase::Decode);
            return Ok(Read { answer: item, cache: CacheOutcome::Hit });
        }
        let answer = self.load(item)?;
        end(Phase::Query);
        self.entries().insert((codec, item));
        self.written += 1;
        self.exchanges.redis += 1;
        end(Phase::Set);
        Ok(Read { answer, cache: CacheOutcome::Miss })
    }

    fn check(&mut self, item: u32, read: &Read<u32>) -> Result<Check, ReadError> {
        Ok(if read.answer == item { Check::Right } else { Check::Wrong })
    }

    fn prepare(&mut self, series: Series, items: &[u32]) -> Result<(), ReadError> {
        let Some(codec) = series.codec else { return Ok(()) };
        for item in items {
            if series.path == ReadPath::Warm {
                self.entries().insert((codec, *item));
            } else {
                self.entries().remove(&(codec, *item));
            }
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn flush(&self) {}

    fn prime(&mut self) -> Result<(), ReadError> {
        self.select_1()?;
        self.ping()
    }

    fn ping(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn select_1(&mut self) -> Result<(), ReadError> {
        self.counts.text_selects += 1;
        Ok(())
    }

    fn has_large_entries(&self, _codec: Codec) -> bool {
        false
    }

    fn fetch(&mut self, _codec: Codec, _item: u32) -> Result<(), ReadError> {
        Ok(())
    }

    fn exchanges(&self) -> Exchanges {
        self.exchanges
    }

    fn loads(&self) -> u64 {
        self.loads
    }

    fn requests(&self) -> RequestCounts {
        self.counts
    }

    fn written(&self) -> Vec<(Codec, Written)> {
        let written = Written { entries: self.written, bytes: self.written * ENTRY_BYTES };
        vec![(Codec::Postcard, written)]
    }
}
