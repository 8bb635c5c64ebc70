//! Writes: what is said to Redis before and after a COMMIT, so that no cached value outlives the
//! row that it came from.

mod error;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

pub use self::error::{MarkError, StaleError};
use super::core::{Asker, Core, Each, Retry};
use super::error::RedisError;
use super::events::Event;
use super::key::Key;
use super::options::{Options, Unmarked};
use super::protocol::{Nonce, draw_nonce};
use super::store::{Propagation, Store};
use super::wire::WireError;

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
    unreplicated: Vec<Key>,
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
    /// Told, and too few replicas have it.
    unreplicated: Vec<&'k Key>,
    /// Since the first command was sent.
    since: Instant,
}

impl<'k> Answers<'k> {
    /// The keys that Redis was not told of, and those that too few replicas have.
    fn failures(self, core: &Core) -> Vec<(&'k Key, RedisError)> {
        let late = self.unreplicated.into_iter().map(|key| (key, unreplicated(core, key)));
        self.untold.into_iter().chain(late).collect()
    }
}

impl WriteGuard {
    pub(crate) fn mark(core: &Arc<Core>, keys: &[&Key]) -> Result<Self, MarkError> {
        let Some(first) = keys.first() else {
            let (token, marks, unreplicated) = (Nonce::default(), Vec::new(), Vec::new());
            return Ok(Self { core: Arc::clone(core), token, marks, unreplicated });
        };
        let failed = |key: &Key, cause| Err(MarkError { key: key.clone(), cause });
        let token = match draw_nonce() {
            Ok(token) => token,
            Err(error) => return failed(first, core.error(first, error.into())),
        };
        let (marks, unreplicated_keys) = (Vec::new(), Vec::new());
        let mut guard = Self { core: Arc::clone(core), token, marks, unreplicated: unreplicated_keys };
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
        guard.unreplicated = answers.unreplicated.iter().map(|key| (*key).clone()).collect();
        if core.options.unmarked == Unmarked::Proceed {
            return Ok(guard);
        }
        if let Some((key, cause)) = answers.untold.into_iter().next() {
            guard.take_back();
            return failed(key, cause);
        }
        if let Some(key) = answers.unreplicated.first() {
            guard.take_back();
            return failed(key, unreplicated(core, key));
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
        let copies = Copies::new(&self.core.options);
        tell(&self.core, keys, copies, &|store, keys| store.mark_all(keys, token, stands))
    }

    fn remove<'k>(&self, keys: &[&'k Key]) -> Answers<'k> {
        let token = self.token;
        // If a failover loses this, a marker that replicas have stays until it expires, and nothing
        // is stale.
        remove(&self.core, keys, Copies::Any, token)
    }

    /// Waits until replicas have the removals that no marker of theirs makes up for: of keys whose
    /// marker was not there any more, could not be put, or was late. Returns those that they do
    /// not have in time.
    fn replicate<'k>(&self, answers: &Answers<'k>) -> Vec<(&'k Key, RedisError)> {
        let copies @ Copies::Replicas(_) = Copies::new(&self.core.options) else { return Vec::new() };
        let alone = |(key, stood): &&(&'k Key, bool)| !stood || self.unreplicated.contains(key);
        let keys: Vec<&'k Key> = answers.told.iter().filter(alone).map(|(key, _)| *key).collect();
        remove(&self.core, &keys, copies, self.token).failures(&self.core)
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

    /// The keys whose marker fewer replicas had in time than
    /// [`Options::replicas`](struct@crate::Options#structfield.replicas) asks for, with
    /// [`Unmarked::Proceed`]: a failover may lose it. Otherwise [`Cache::mark`](crate::Cache::mark)
    /// has failed.
    pub fn unreplicated(&self) -> impl Iterator<Item = &Key> {
        self.unreplicated.iter()
    }

    /// The outcome is known: the COMMIT came back, or the transaction was rolled back. From now on
    /// the keys are cached again. Every read that begins after this returned sees the write.
    ///
    /// [`Finished::lost`] names the keys whose marker was gone before: reads of them may have been
    /// stale until now.
    ///
    /// # Errors
    /// [`StaleError`] where Redis could not be told, or where no marker stood that
    /// [`Options::replicas`](struct@crate::Options#structfield.replicas) have, and too few of them
    /// have the removal in time. The write itself is not touched by that; the error says whether,
    /// and until when, reads may be stale.
    pub fn finish(self) -> Result<Finished, StaleError> {
        // The write was over before this.
        let now = Instant::now();
        let keys: Vec<&Key> = self.marks.iter().map(|mark| &mark.key).collect();
        let mut answers = self.remove(&keys);
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
        let late = self.replicate(&answers);
        let all_stood = late.is_empty() && answers.untold.iter().all(|(key, _)| stood(key));
        answers.untold.extend(late);
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

impl fmt::Debug for WriteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.marks.iter().map(|mark| &mark.key)).finish()
    }
}

/// Removes what is cached under these keys, after a write.
pub(crate) fn invalidate(core: &Core, keys: &[&Key]) -> Result<(), StaleError> {
    let Some(first) = keys.first() else { return Ok(()) };
    let stale = |untold: Vec<(&Key, RedisError)>| StaleError::new(untold, stale_until(core), false);
    // A token that was never put.
    let outcome = match draw_nonce() {
        Ok(token) => {
            let copies = Copies::new(&core.options);
            stale(remove(core, keys, copies, token).failures(core))
        }
        Err(error) => {
            let cause = core.error(first, error.into());
            stale(keys.iter().map(|key| (*key, cause.copy())).collect())
        }
    };
    outcome.map_or(Ok(()), Err)
}

/// Takes a token out of markers, and removes whatever else stands there.
fn remove<'k>(core: &Core, keys: &[&'k Key], copies: Copies, token: Nonce) -> Answers<'k> {
    let propagation = match copies {
        Copies::Any => Propagation::IfRemoved,
        Copies::Replicas(_) => Propagation::Always,
    };
    tell(core, keys, copies, &|store, keys| store.finish_all(keys, token, propagation))
}

/// Says something about many keys: an answer for each, or what went wrong with all.
type Say<'a> = dyn Fn(&mut Store, &[Vec<u8>]) -> Result<Vec<Result<bool, WireError>>, WireError> + 'a;

/// The reply of a server about one key.
struct Said {
    stood: bool,
    is_replicated: bool,
}

/// A writer asks whatever the breaker says: being told is not a matter of speed. All that writers
/// say is harmless when said twice, however late: the most that a belated marker does is to keep
/// its key uncached until it expires.
///
/// After the first batch that failed no more are tried on the same server: with Redis out of reach
/// each would take its timeouts.
fn tell<'k>(core: &Core, keys: &[&'k Key], copies: Copies, say: &Say<'_>) -> Answers<'k> {
    let mut answers =
        Answers { told: Vec::new(), untold: Vec::new(), unreplicated: Vec::new(), since: Instant::now() };
    let all = core.each(Asker::Writer, Retry::Harmless, keys, |session, _, names| {
        let said = say(&mut session.store, names)?;
        let is_replicated = match copies {
            Copies::Any => true,
            Copies::Replicas(replicas) => {
                session.store.wait(replicas, core.options.replica_wait())? >= replicas
            }
        };
        let said = said.into_iter().map(|stood| stood.map(|stood| Said { stood, is_replicated }));
        Ok(said.collect())
    });
    for (key, each) in keys.iter().zip(all) {
        match each {
            Each::Answer(Said { stood, is_replicated }) => {
                answers.told.push((key, stood));
                if !is_replicated {
                    core.counts.unreplicated.add();
                    answers.unreplicated.push(key);
                }
            }
            Each::Refused(error) | Each::Failed { error, .. } | Each::Untried(Some(error)) => {
                answers.untold.push((key, error));
            }
            Each::Untried(None) => {
                let error = io::Error::new(io::ErrorKind::NotConnected, "Redis was not asked");
                answers.untold.push((key, core.error(key, error.into())));
            }
        }
    }
    answers
}

/// Servers that must have a write before it counts.
#[derive(Clone, Copy)]
enum Copies {
    /// The primary alone.
    Any,
    Replicas(u32),
}

impl Copies {
    fn new(options: &Options) -> Self {
        if options.replicas == 0 { Self::Any } else { Self::Replicas(options.replicas) }
    }
}

/// Too few replicas have it.
fn unreplicated(core: &Core, key: &Key) -> RedisError {
    core.error(key, too_few_replicas(core.options.replicas))
}

pub(crate) fn too_few_replicas(wanted: u32) -> WireError {
    WireError::Server(format!("NOREPLICAS fewer than {wanted} replicas had it in time"))
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
