//! Writes: what is said to Redis before and after a COMMIT, so that no cached value outlives the
//! row that it came from.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::core::{BATCH, Core};
use super::events::Event;
use super::key::Key;
use super::options::Unmarked;
use super::pool::Pool;
use super::protocol::{Nonce, draw_nonce};
use super::store::Store;
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

    /// What Redis answered to the last of them, or did not.
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

/// A crash-safe write under way, made by [`Cache::mark`](crate::Cache::mark).
///
/// Until [`finish`](Self::finish) none of its keys can be cached. Dropped without it, the guard
/// says that the outcome of the COMMIT is unknown: the keys stay uncached until the markers expire,
/// so that nothing stale is read whichever it was.
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

/// The end of a write that Redis was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    lost: Vec<Key>,
}

impl Finished {
    /// The keys whose marker was gone before this: it had expired, was evicted, or Redis had lost
    /// it. Reads of them that began between the COMMIT and now may have been stale; those that
    /// begin from now on are not.
    pub fn lost(&self) -> &[Key] {
        &self.lost
    }
}

/// Answers of Redis, one for each key, and the failure after which no more were asked for.
struct Answers<'k> {
    told: Vec<(&'k Key, bool)>,
    untold: Vec<(&'k Key, RedisError)>,
    /// Since the first command was sent.
    since: Instant,
}

impl WriteGuard {
    pub(crate) fn mark(core: &Arc<Core>, keys: &[&Key]) -> Result<Self, MarkError> {
        let Some(first) = keys.first() else {
            return Ok(Self { core: Arc::clone(core), token: Nonce::default(), marks: Vec::new() });
        };
        let failed = |key: &Key, cause| Err(MarkError { key: key.clone(), cause });
        let token = match draw_nonce() {
            Ok(token) => token,
            Err(error) => return failed(first, core.error(first, error.into())),
        };
        let mut guard = Self { core: Arc::clone(core), token, marks: Vec::new() };
        let mut answers = guard.put(keys);
        let mut left = core.options.marker.saturating_sub(answers.since.elapsed());
        if left < core.options.marker / 2 && answers.untold.is_empty() {
            // The first marker would end soon: each of them begins anew.
            answers = guard.put(keys);
            left = core.options.marker.saturating_sub(answers.since.elapsed());
        }
        let stands_until = answers.since + core.options.marker;
        let told = answers.told.iter().map(|(key, _)| Mark::new(key, Some(stands_until)));
        guard.marks = told.chain(answers.untold.iter().map(|(key, _)| Mark::new(key, None))).collect();
        if core.options.unmarked == Unmarked::Proceed {
            return Ok(guard);
        }
        if let Some((key, cause)) = answers.untold.into_iter().next() {
            guard.take_back();
            return failed(key, cause);
        }
        if left.is_zero() {
            guard.take_back();
            let error =
                io::Error::new(io::ErrorKind::TimedOut, "the first marker ended before the last one was put");
            return failed(first, core.error(first, error.into()));
        }
        Ok(guard)
    }

    fn put<'k>(&self, keys: &[&'k Key]) -> Answers<'k> {
        let (token, stands) = (self.token, self.core.options.marker);
        tell(&self.core, keys, &|store, keys| store.mark_all(keys, token, stands))
    }

    fn remove<'k>(&self, keys: &[&'k Key]) -> Answers<'k> {
        let token = self.token;
        tell(&self.core, keys, &|store, keys| store.finish_all(keys, token))
    }

    /// Takes the markers away that were put before one could not be. Those that stay expire.
    fn take_back(&self) {
        let keys: Vec<&Key> =
            self.marks.iter().filter(|mark| mark.stands_until.is_some()).map(|mark| &mark.key).collect();
        let _ = self.remove(&keys);
    }

    /// The keys that Redis could not be told of, with [`Unmarked::Proceed`]: a crash before
    /// [`finish`](Self::finish) leaves their old values until their time to live is over.
    pub fn unmarked(&self) -> impl Iterator<Item = &Key> {
        self.marks.iter().filter(|mark| mark.stands_until.is_none()).map(|mark| &mark.key)
    }

    /// The outcome is known: the COMMIT came back, or the transaction was rolled back. From now on
    /// the keys are cached again. Every read that begins after this returned sees the write.
    ///
    /// [`Finished::lost`] names the keys whose marker was gone before: reads of them may have been
    /// stale until now.
    ///
    /// # Errors
    /// [`StaleError`] where Redis could not be told. The write itself is not touched by that; the
    /// error says whether, and until when, reads may be stale.
    pub fn finish(self) -> Result<Finished, StaleError> {
        // The write was over before this.
        let now = Instant::now();
        let keys: Vec<&Key> = self.marks.iter().map(|mark| &mark.key).collect();
        let answers = self.remove(&keys);
        let is_marked =
            |key: &Key| self.marks.iter().any(|mark| mark.key == *key && mark.stands_until.is_some());
        let lost: Vec<Key> = answers
            .told
            .iter()
            .filter(|(key, stood)| !stood && is_marked(key))
            .map(|(key, _)| (*key).clone())
            .collect();
        for key in &lost {
            self.core.counts.markers_lost.add();
            self.core.events.emit(&Event::MarkerLost(key));
        }
        let stood = |key: &Key| {
            self.marks
                .iter()
                .any(|mark| mark.key == *key && mark.stands_until.is_some_and(|until| now < until))
        };
        let all_stood = answers.untold.iter().all(|(key, _)| stood(key));
        match StaleError::new(answers.untold, stale_until(&self.core), all_stood) {
            Some(error) => Err(error),
            None => Ok(Finished { lost }),
        }
    }
}

impl Mark {
    fn new(key: &Key, stands_until: Option<Instant>) -> Self {
        Self { key: key.clone(), stands_until }
    }
}

impl StaleError {
    /// None if there is nothing to complain of.
    fn new(untold: Vec<(&Key, RedisError)>, stale_until: SystemTime, is_marked: bool) -> Option<Self> {
        let keys = untold.iter().map(|(key, _)| (*key).clone()).collect();
        let (_, cause) = untold.into_iter().next_back()?;
        Some(Self { keys, kind: None, stale_until, is_marked, cause })
    }

    pub(crate) fn of_kind(core: &Core, pool: &Pool, kind: &str, cause: WireError) -> Self {
        let cause = RedisError::new(pool.endpoint(), cause);
        let (kind, stale_until) = (Some(kind.to_owned()), stale_until(core));
        Self { keys: Vec::new(), kind, stale_until, is_marked: false, cause }
    }
}

impl fmt::Debug for WriteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.marks.iter().map(|mark| &mark.key)).finish()
    }
}

/// Removes what is cached under these keys, after a write.
pub(crate) fn invalidate(core: &Core, keys: &[&Key]) -> Result<(), StaleError> {
    let Some(first) = keys.first() else { return Ok(()) };
    let stale = |untold| StaleError::new(untold, stale_until(core), false);
    // A token that was never put.
    let outcome = match draw_nonce() {
        Ok(token) => stale(tell(core, keys, &|store, keys| store.finish_all(keys, token)).untold),
        Err(error) => {
            let cause = core.error(first, error.into());
            stale(keys.iter().map(|key| (*key, cause.copy())).collect())
        }
    };
    outcome.map_or(Ok(()), Err)
}

/// Says something about many keys: an answer for each, or what went wrong with all.
type Say<'a> = dyn Fn(&mut Store, &[Vec<u8>]) -> Result<Vec<Result<bool, WireError>>, WireError> + 'a;

/// A writer asks whatever the breaker says: being told is not a matter of speed. All that writers
/// say is harmless when said twice, however late: the most that a belated marker does is to keep
/// its key uncached until it expires.
///
/// After the first batch that failed no more are tried: with Redis out of reach each would take its
/// timeouts.
fn tell<'k>(core: &Core, keys: &[&'k Key], say: &Say<'_>) -> Answers<'k> {
    let mut answers = Answers { told: Vec::new(), untold: Vec::new(), since: Instant::now() };
    for (pool, keys) in core.connections.by_server(keys) {
        let mut failure: Option<WireError> = None;
        for keys in keys.chunks(BATCH) {
            let names: Vec<Vec<u8>> = keys.iter().map(|key| core.name(key)).collect();
            let outcome = match failure.take() {
                Some(error) => Err(error),
                None => core.tell(pool, |session| say(&mut session.store, &names)),
            };
            match outcome {
                Ok(said) => {
                    for (key, answer) in keys.iter().zip(said) {
                        match answer {
                            Ok(stood) => answers.told.push((key, stood)),
                            Err(error) => {
                                let error = core.refused(pool, error);
                                answers.untold.push((key, error));
                            }
                        }
                    }
                }
                Err(error) => {
                    let cause = |_: &&Key| RedisError::new(pool.endpoint(), error.copy());
                    answers.untold.extend(keys.iter().map(|key| (*key, cause(key))));
                    failure = Some(error);
                }
            }
        }
    }
    answers
}

/// When the last entry is gone that can hold what was there before now. Of what other processes
/// choose only what this cache's options say is known. What was loaded until now may be written, by
/// a command that is late, as long as what it replaces stands: a lease, or with early refresh an
/// entry.
fn stale_until(core: &Core) -> SystemTime {
    let options = &core.options;
    let chosen = options.ttl.max(options.negative_ttl.unwrap_or_default()) + options.stale_if_error;
    let longest = chosen.max(core.longest_ttl.get());
    // A lease is renewed for as long as a load may take.
    let lease = options.longest_load + options.lease;
    // A call may have asked for it on its own.
    let refreshes_early = options.early_refresh > 0.0 || core.counts.early_refreshes.get() > 0;
    let written_within = if refreshes_early { lease.max(longest) } else { lease };
    SystemTime::now() + written_within + longest
}

#[cfg(test)]
#[cfg(feature = "json")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::{CallOptions, Loaded};
    use crate::codec::Json;
    use crate::options::Options;
    use crate::private_redis::PrivateRedis;
    use crate::read::Reading;

    const DAY: Duration = Duration::from_secs(86_400);
    const LONG: Duration = Duration::from_secs(60);

    fn core(redis: &PrivateRedis) -> Arc<Core> {
        let options = Options::default().connect_timeout(LONG).reply_timeout(LONG).lease(LONG);
        Core::new(redis.endpoint(), options.early_refresh(0.0))
    }

    fn key() -> Key {
        Key::new("thing", 1, 1).unwrap()
    }

    fn read(core: &Core, call: &CallOptions, load: impl FnOnce()) {
        let loaded = || {
            load();
            Ok::<_, ()>(Loaded::from(Some(1)))
        };
        assert_eq!(Reading::new(core, &key(), &Json, call, ()).run(loaded, None), Ok(Some(1)));
    }

    #[test]
    fn the_bound_of_stale_reads_knows_what_single_calls_chose() {
        let redis = PrivateRedis::start();
        let core = core(&redis);
        let call = CallOptions::default().ttl(DAY);
        // While it loads: what it loads may be what a write replaces.
        read(&core, &call, || assert!(stale_until(&core) > SystemTime::now() + DAY));
        assert!(stale_until(&core) < SystemTime::now() + DAY + DAY / 2);
        // It replaces an entry, which may stand for a day, by one that stands for another.
        let mut has_loaded = false;
        read(&core, &call.early_refresh(1e15), || {
            has_loaded = true;
            assert!(stale_until(&core) > SystemTime::now() + DAY + DAY / 2);
        });
        assert!(has_loaded);
    }

    #[test]
    fn a_marker_that_cannot_be_asked_for_is_not_taken_for_granted() {
        let redis = PrivateRedis::start();
        let core = core(&redis);
        let guard = WriteGuard::mark(&core, &[&key()]).unwrap();
        drop(redis);
        let error = guard.finish().unwrap_err();
        assert!(error.is_marked() && error.stale_until() > Some(SystemTime::now()), "{error}");
        assert!(error.to_string().contains("only if Redis lost it"), "{error}");
        let error = invalidate(&core, &[&key()]).unwrap_err();
        assert!(!error.is_marked() && error.stale_until() > Some(SystemTime::now()), "{error}");
    }
}
