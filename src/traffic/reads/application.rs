//! Redis as an application without the library uses it: GET, SET, and a lock of its own.

use std::thread;
use std::time::{Duration, Instant};

use super::{BoxedCodec, DoneKind, ReadsError};
use crate::cache::wire::{Limits, Reply, WireError};
use crate::endpoint::RedisEndpoint;
use crate::paths::nodes::Nodes;
use crate::reopen::Reopening;
use crate::scenario::keys::Keys;
use crate::scenario::strategies::APP_TIMEOUT;

/// The time for which a lock outlives its holder, and the longest wait of the others.
const LOCK: Duration = Duration::from_secs(1);
const LOCK_MS: &[u8] = b"1000";
/// Between two looks for the value while another client holds the lock.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Application<A> {
    redis: Reopening<Nodes, WireError>,
    codec: BoxedCodec<A>,
    keys: Keys,
    value: Vec<u8>,
}

fn is_alive(nodes: &mut Nodes) -> bool {
    nodes.ping().is_ok()
}

fn milliseconds(time: Duration) -> Vec<u8> {
    // Redis takes no time to live of zero.
    time.as_millis().max(1).to_string().into_bytes()
}

impl<A> Application<A> {
    pub(super) fn open(
        endpoint: &RedisEndpoint,
        codec: BoxedCodec<A>,
        keys: Keys,
    ) -> Result<Self, WireError> {
        let endpoint = endpoint.clone();
        let limits = Limits {
            connect: APP_TIMEOUT,
            reply: APP_TIMEOUT,
            is_over: None,
            max_string_bytes: Limits::MAX_STRING_BYTES,
        };
        let redis = Reopening::open(move || Nodes::open(&endpoint, limits), is_alive)?;
        Ok(Self { redis, codec, keys, value: Vec::new() })
    }

    pub(super) fn get(&mut self, key: u32) -> Result<Option<A>, ReadsError> {
        let Self { redis, codec, keys, value } = self;
        let name = keys.entry(key);
        if !redis.with(|nodes| nodes.get(&name, value))? {
            return Ok(None);
        }
        let payload = 0..value.len();
        Ok(Some(codec.decode(value, payload)?))
    }

    pub(super) fn set(&mut self, key: u32, answer: &A, ttl: Duration) -> Result<(), ReadsError> {
        let Self { redis, codec, keys, value } = self;
        value.clear();
        codec.encode(answer, value)?;
        let (name, ttl_ms) = (keys.entry(key), milliseconds(ttl));
        let command: [&[u8]; 5] = [b"SET", &name, value, b"PX", &ttl_ms];
        redis.with(|nodes| nodes.command(&name, &command))?;
        Ok(())
    }

    /// GET; after a miss one client loads, and the others wait for its value.
    pub(super) fn read_locked(
        &mut self,
        key: u32,
        ttl: Duration,
        load: &mut dyn FnMut() -> Result<A, ReadsError>,
    ) -> Result<(A, DoneKind), ReadsError> {
        let lock = self.keys.lock(key);
        let started = Instant::now();
        while started.elapsed() < LOCK {
            if let Some(answer) = self.get(key)? {
                return Ok((answer, DoneKind::Hit));
            }
            if self.command(&[b"SET", &lock, b"1", b"NX", b"PX", LOCK_MS])? != Reply::Nil {
                let answer = load();
                if let Ok(answer) = &answer {
                    self.set(key, answer, ttl)?;
                }
                self.command(&[b"DEL", &lock])?;
                return Ok((answer?, DoneKind::Load));
            }
            thread::sleep(PAUSE);
        }
        Ok((load()?, DoneKind::Load))
    }

    fn command(&mut self, command: &[&[u8]]) -> Result<Reply, WireError> {
        let key = command.get(1).copied().unwrap_or_default();
        self.redis.with(|nodes| nodes.command(key, command))
    }
}
