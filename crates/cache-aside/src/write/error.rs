//! Writes of which Redis could not be told.

use std::fmt;
use std::time::SystemTime;

use super::stale_until;
use crate::core::Core;
use crate::error::RedisError;
use crate::key::Key;

/// A write could not be announced, and nothing was: do not commit it.
#[derive(Debug, thiserror::Error)]
#[error("the cached {key} could not be marked before the write: {cause}")]
pub struct MarkError {
    pub(super) key: Key,
    #[source]
    pub(super) cause: RedisError,
}

impl MarkError {
    /// The first key that could not be marked.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The answer of Redis, or its absence.
    pub fn cause(&self) -> &RedisError {
        &self.cause
    }
}

/// Redis could not be told that a write is over.
#[derive(Debug)]
pub struct StaleError {
    keys: Vec<Key>,
    /// In the place of the keys, if a whole kind was to be removed.
    kind: Option<String>,
    stale_until: SystemTime,
    is_marked: bool,
    cause: RedisError,
}

impl StaleError {
    /// The keys of which Redis could not be told; none if it was a whole kind.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Until when reads of these keys may be stale at worst. `None` would mean that they cannot be:
    /// no error says so today, because without an answer Redis may have lost the marker, see
    /// [`is_marked`](Self::is_marked).
    pub fn stale_until(&self) -> Option<SystemTime> {
        Some(self.stale_until)
    }

    /// Whether a marker of this write was put on each of these keys and has not expired. Unless
    /// Redis lost it (by a restart, a failover or an eviction), it keeps its key uncached until it
    /// expires, and no read is stale.
    pub fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// The answer of Redis to the last of them, or its absence.
    pub fn cause(&self) -> &RedisError {
        &self.cause
    }
}

impl fmt::Display for StaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = self.keys.iter().map(Key::to_string).collect();
        names.extend(self.kind.iter().map(|kind| format!("values of the kind {kind:?}")));
        let fate = if self.is_marked {
            "stay uncached until their marker expires, and are read stale only if Redis lost it"
        } else {
            "may be read stale until their time to live is over"
        };
        write!(
            f,
            "Redis could not be told that the write is over; {} {fate}: {}",
            names.join(", "),
            self.cause
        )
    }
}

impl std::error::Error for StaleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl StaleError {
    /// None if there is nothing to complain of.
    pub(super) fn new(
        untold: Vec<(&Key, RedisError)>,
        stale_until: SystemTime,
        is_marked: bool,
    ) -> Option<Self> {
        let keys = untold.iter().map(|(key, _)| (*key).clone()).collect();
        let (_, cause) = untold.into_iter().next_back()?;
        Some(Self { keys, kind: None, stale_until, is_marked, cause })
    }

    pub(crate) fn of_kind(core: &Core, kind: &str, cause: RedisError) -> Self {
        let (kind, stale_until) = (Some(kind.to_owned()), stale_until(core));
        Self { keys: Vec::new(), kind, stale_until, is_marked: false, cause }
    }
}
