//! Writes: what is said to Redis before and after a COMMIT, so that no cached value outlives the row that it came from.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::breaker::Permit;
use super::core::{Core, Twice};
use super::key::Key;
use super::options::Unmarked;
use super::protocol::Nonce;
use super::session::Session;
use super::trouble::RedisError;
use super::wire::WireError;

/// A write could not be announced, and nothing was: do not commit it.
#[derive(Debug, thiserror::Error)]
#[error("the cached {key} could not be marked before the write: {cause}")]
pub struct MarkError {
    key: Key,
    #[source]
    cause: RedisError,
}

impl MarkError {
    /// The first key that could not be marked.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What Redis answered, or did not.
    pub fn cause(&self) -> &RedisError {
        &self.cause
    }
}

/// Redis could not be told that a write is over.
#[derive(Debug)]
pub struct StaleError {
    keys: Vec<Key>,
    stale_until: Option<SystemTime>,
    cause: RedisError,
}

impl StaleError {
    /// The keys of which Redis could not be told.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Until when reads of these keys may be stale at worst. `None`: they will not be, since a marker keeps the keys
    /// uncached until it expires.
    pub fn stale_until(&self) -> Option<SystemTime> {
        self.stale_until
    }

    /// What Redis answered to the last of them, or did not.
    pub fn cause(&self) -> &RedisError {
        &self.cause
    }
}

impl fmt::Display for StaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.keys.iter().map(Key::to_string).collect();
        let fate = match self.stale_until {
            Some(_) => "may be read stale until their time to live is over",
            None => "stay uncached until their marker expires, and are not read stale",
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

/// A crash-safe write under way, made by [`Cache::mark`](crate::Cache::mark).
///
/// Until [`finish`](Self::finish) none of its keys can be cached. Dropped without it, the guard says that the outcome of
/// the COMMIT is unknown: the keys stay uncached until the markers expire, so that nothing stale is read whichever it was.
#[must_use = "dropped unfinished, it keeps its keys uncached until the markers expire"]
pub struct WriteGuard {
    core: Arc<Core>,
    token: Nonce,
    marks: Vec<Mark>,
}

struct Mark {
    key: Key,
    /// Until then the marker stands at least; none where it could not be put.
    stands_until: Option<Instant>,
}

impl WriteGuard {
    pub(crate) fn mark(core: &Arc<Core>, keys: &[&Key]) -> Result<Self, MarkError> {
        let mut guard = Self { core: Arc::clone(core), token: rand::random(), marks: Vec::new() };
        for &key in keys {
            let before = Instant::now();
            match guard.put(key) {
                Ok(()) => guard.note(key, Some(before + core.options.marker)),
                Err(_) if core.options.unmarked == Unmarked::Proceed => guard.note(key, None),
                Err(cause) => {
                    guard.take_back();
                    return Err(MarkError { key: key.clone(), cause });
                }
            }
        }
        Ok(guard)
    }

    fn put(&self, key: &Key) -> Result<(), RedisError> {
        let (token, stands) = (self.token, self.core.options.marker);
        tell(&self.core, key, |session| session.store.mark(&session.key, token, stands))
    }

    fn note(&mut self, key: &Key, stands_until: Option<Instant>) {
        self.marks.push(Mark { key: key.clone(), stands_until });
    }

    /// Takes the markers away that were put before one could not be. Those that stay expire.
    fn take_back(&self) {
        for mark in &self.marks {
            if self.remove(&mark.key).is_err() {
                return;
            }
        }
    }

    fn remove(&self, key: &Key) -> Result<(), RedisError> {
        tell(&self.core, key, |session| session.store.finish(&session.key, self.token))
    }

    /// The keys that Redis could not be told of, with [`Unmarked::Proceed`]: a crash before [`finish`](Self::finish) leaves
    /// their old values until their time to live is over.
    pub fn unmarked(&self) -> impl Iterator<Item = &Key> {
        self.marks.iter().filter(|mark| mark.stands_until.is_none()).map(|mark| &mark.key)
    }

    /// The outcome is known: the COMMIT came back, or the transaction was rolled back. From now on the keys are cached
    /// again. Every read that begins after this returned sees the write.
    ///
    /// # Errors
    /// [`StaleError`] where Redis could not be told. The write itself is not touched by that; the error says whether, and
    /// until when, reads may be stale.
    pub fn finish(self) -> Result<(), StaleError> {
        let mut untold: Option<StaleError> = None;
        for mark in &self.marks {
            // The write was over before this.
            let stood = mark.stands_until.is_some_and(|until| Instant::now() < until);
            if let Err(cause) = self.remove(&mark.key) {
                let stale_until = if stood { None } else { Some(stale_until(&self.core)) };
                let mut keys =
                    untold.as_mut().map(|untold| std::mem::take(&mut untold.keys)).unwrap_or_default();
                keys.push(mark.key.clone());
                let before = untold.and_then(|untold| untold.stale_until);
                untold = Some(StaleError { keys, stale_until: stale_until.max(before), cause });
            }
        }
        untold.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for WriteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.marks.iter().map(|mark| &mark.key)).finish()
    }
}

/// Removes what is cached under a key, after a write.
pub(crate) fn invalidate(core: &Core, key: &Key) -> Result<(), StaleError> {
    tell(core, key, |session| session.store.invalidate(&session.key)).map_err(|cause| StaleError {
        keys: vec![key.clone()],
        stale_until: Some(stale_until(core)),
        cause,
    })
}

/// A writer asks whatever the breaker says: being told is not a matter of speed. All that writers say is harmless when said
/// twice, however late: the most that a belated marker does is to keep its key uncached until it expires.
fn tell(
    core: &Core,
    key: &Key,
    command: impl FnMut(&mut Session) -> Result<(), WireError>,
) -> Result<(), RedisError> {
    core.ask(key, Permit::Free, Twice::Harmless, command)
        .map_err(|cause| RedisError::new(core.pool.endpoint(), cause))
}

/// When the last entry is gone that can hold what was there before now. What was loaded until now may be written, by a
/// command that is late, as long as what it replaces stands: a lease, or with early refresh an entry.
fn stale_until(core: &Core) -> SystemTime {
    let options = &core.options;
    let longest = options.ttl.max(options.negative_ttl.unwrap_or(Duration::ZERO)).max(core.longest_ttl.get());
    // A lease is renewed for as long as a load may take.
    let lease = options.longest_load + options.lease;
    let written_within = if options.early_refresh > 0.0 { lease.max(longest) } else { lease };
    SystemTime::now() + written_within + longest
}
