//! The usual miss: GET, SELECT, SET. Nothing notices a write between the SELECT and the SET, so
//! what it stores may be stale. Its entries have keys of their own and look like the library's, so
//! that they are known as ours.

use std::time::{Duration, SystemTime};

use super::{CacheOutcome, Read, ReadError, Reader};
use crate::cache::codec::Codec;
use crate::cache::entry::{self, Header};
use crate::cache::key::KeyLayout;
use crate::model::phase::Phase;
use crate::paths::query::Query;
use crate::samples::written::Written;

/// The codec, keys and buffers of naive reads.
pub(super) struct Naive<A> {
    pub(super) codec: Box<dyn Codec<A>>,
    pub(super) keys: KeyLayout,
    pub(super) ttl_ms: String,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl<A> Naive<A> {
    pub(super) fn new(codec: Box<dyn Codec<A>>, keys: KeyLayout, ttl: Duration) -> Self {
        Self { codec, keys, ttl_ms: ttl.as_millis().to_string(), key: Vec::new(), value: Vec::new() }
    }

    /// Makes an entry without what only a compare-and-set needs.
    fn encode(&mut self, answer: &A) -> Result<(), ReadError> {
        entry::begin(&mut self.value);
        self.codec.encode(answer, &mut self.value).map_err(|error| ReadError::Encode(error.to_string()))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let header = Header {
            codec: self.codec.id(),
            type_tag: self.codec.type_tag(),
            nonce: [0; 16],
            expires_at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            load_us: 0,
        };
        entry::seal(&mut self.value, &self.key, &header).map_err(|error| ReadError::Encode(error.to_string()))
    }
}

impl<Q: Query> Reader<Q> {
    /// A miss by the usual commands on a connection of our own.
    pub(super) fn read_naively(
        &mut self,
        entries: usize,
        item: u32,
        end: &mut impl FnMut(Phase),
    ) -> Result<Read<Q::Answer>, ReadError> {
        let naive = &mut self.entries[entries].naive;
        naive.keys.write_key(self.query.key_id(item), &mut naive.key);
        self.requests.look_ups += 1;
        self.redis_exchanges += 1;
        let is_there = self.redis.get(&naive.key, &mut naive.value)?;
        if is_there && !entry::has_magic(&naive.value) {
            return Err(ReadError::ForeignKey);
        }
        end(Phase::Get);
        let answer = self.load(item)?;
        end(Phase::Query);
        let Self { redis, redis_exchanges, entries: all, .. } = self;
        let own = &mut all[entries];
        own.naive.encode(&answer)?;
        end(Phase::Encode);
        *redis_exchanges += 1;
        let command: [&[u8]; 5] =
            [b"SET", &own.naive.key, &own.naive.value, b"PX", own.naive.ttl_ms.as_bytes()];
        redis.command(&own.naive.key, &command)?;
        end(Phase::Set);
        own.written.add(Written { entries: 1, bytes: own.naive.value.len() as u64 });
        Ok(Read { answer, cache: CacheOutcome::Miss })
    }
}
