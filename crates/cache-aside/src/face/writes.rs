//! Writes: announced to the cache, or followed by removing what they change.

use super::Cache;
use crate::key::Key;
use crate::kinds;
use crate::write::{self, MarkError, StaleError, WriteGuard};

impl<C> Cache<C> {
    /// Announces a write of these keys: call it after the transaction's statements and just before
    /// its COMMIT, and [`WriteGuard::finish`] once the outcome is known.
    ///
    /// From here until then the keys cannot be cached, so a cached value equals the committed row
    /// at every instant, whatever crashes in between; only where Redis loses the marker *and* the
    /// writer dies after its COMMIT, an old value may stay until its time to live is over. Name
    /// every key that the row feeds; an INSERT invalidates too, and so does a DELETE.
    ///
    /// ```no_run
    /// # use cache_aside::{Cache, Key, Options};
    /// # struct Transaction;
    /// # impl Transaction { fn commit(self) -> Result<(), std::io::Error> { Ok(()) } }
    /// # let (cache, transaction) = (Cache::connect("redis://127.0.0.1", Options::default())?, Transaction);
    /// let user = Key::new("user", 1, 42)?;
    /// // … the statements …
    /// let guard = cache.mark(&[&user])?;
    /// transaction.commit()?; // an error drops the guard: the outcome is unknown
    /// guard.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MarkError`] if Redis could not be told and
    /// [`Options::unmarked`](struct@crate::Options#structfield.unmarked) says to refuse, the
    /// default: do not commit. **There are then no writes while Redis is out of reach**; where that
    /// is too much, choose [`Unmarked::Proceed`](crate::Unmarked::Proceed), or
    /// [`invalidate`](Self::invalidate) after the COMMIT.
    pub fn mark(&self, keys: &[&Key]) -> Result<WriteGuard, MarkError> {
        WriteGuard::mark(&self.core, keys)
    }

    /// Removes what is cached under a key: the simple write, for after the COMMIT. No read that
    /// begins after this returned is stale. A program that dies between the two leaves the old
    /// value until its time to live is over; where that is not good enough, see
    /// [`mark`](Self::mark).
    ///
    /// # Errors
    /// [`StaleError`] where Redis could not be told; it says until when reads may be stale.
    pub fn invalidate(&self, key: &Key) -> Result<(), StaleError> {
        self.invalidate_all(&[key])
    }

    /// Like [`invalidate`](Self::invalidate) for many keys, in a round trip for every 128 of them.
    ///
    /// # Errors
    /// [`StaleError`] names those of which Redis could not be told.
    pub fn invalidate_all(&self, keys: &[&Key]) -> Result<(), StaleError> {
        write::invalidate(&self.core, keys)
    }

    /// Removes all that is cached of one kind, whatever its ids and schema numbers: after a write
    /// of many rows whose ids are not known. Returns how many keys there were. As of
    /// [`invalidate`](Self::invalidate): call it after the COMMIT, and no read that begins after it
    /// returned is stale.
    ///
    /// It walks through all keys of Redis, a thousand in each round trip, so it is for rare
    /// occasions; the account needs the command SCAN. Reads go on meanwhile.
    ///
    /// ```no_run
    /// # use cache_aside::{Cache, Options};
    /// # let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// // … UPDATE users SET country = 'FR' WHERE …; COMMIT …
    /// cache.invalidate_kind("user")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StaleError`] if Redis could not be told, or not of all; it names no keys. So it is if the
    /// account may not find all nodes of a cluster, and if fewer replicas have the removal in time
    /// than [`Options::replicas`](struct@crate::Options#structfield.replicas) asks for.
    pub fn invalidate_kind(&self, kind: &str) -> Result<u64, StaleError> {
        kinds::invalidate(&self.core, kind)
    }
}
