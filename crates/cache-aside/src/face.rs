//! The library's face: a cache, and the four things that one does with it.

mod wrap;
mod writes;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

pub use self::wrap::CachedFn;
use super::call::{CallOptions, Loaded};
use super::check::{self, CheckError, CheckReport};
use super::codec::{Codec, DefaultCodec};
use super::core::Core;
use super::error::RedisError;
use super::events::LastError;
use super::key::{Key, KeyError};
use super::observer::Observer;
use super::options::{Options, OptionsError};
use super::read::{ManyReading, Reading};
use super::stats::Stats;
use super::wire::check_certificates;
use crate::endpoint::RedisEndpoint;

/// A cache in Redis in front of something slower.
///
/// Cheap to clone; clones share connections and counts, and all threads may use one at the same
/// time. `C` says how values become bytes, see [`Codec`].
pub struct Cache<C = DefaultCodec> {
    core: Arc<Core>,
    codec: C,
}

/// Why a [`Cache`] could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The URL names no Redis. The message never quotes the URL, which may hold a password.
    #[error("the URL of Redis: {0}")]
    Url(String),
    /// The certificates that the URL names cannot be used, or the crate's feature `tls` is off.
    #[error("TLS: {0}")]
    Tls(String),
    /// An option makes no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

impl Cache {
    /// Sets a cache up. Connections are made when they are needed: a Redis that is absent is no
    /// error here.
    ///
    /// The URL is `redis://user:password@host:port/database`, `rediss://…` with TLS, or
    /// `redis+unix:///path?db=0`. The host may be any node of a Redis Cluster, which is noticed by
    /// its answers; several, separated by commas, are tried in turn.
    /// `redis+sentinel://host1,host2/name/database` asks Sentinels for the primary of that name.
    ///
    /// With TLS, the authorities that the system trusts are trusted, or those in the file that the
    /// environment variable `SSL_CERT_FILE` names. `rediss://…?ssl-ca=/path/ca.pem` trusts those of
    /// a file of your own; `ssl-cert=/path/client.pem&ssl-key=/path/client.key` names the
    /// certificate that this side shows. They are read again for each new connection, so that
    /// renewed files need no restart. The crate needs its feature `tls`, which is on by default.
    ///
    /// # Errors
    /// [`SetupError`] where the URL or an option makes no sense; a TTL of zero, for example.
    pub fn connect(url: &str, options: Options) -> Result<Self, SetupError> {
        let endpoint = RedisEndpoint::parse(url).map_err(|error| SetupError::Url(error.to_string()))?;
        Self::at(endpoint, options)
    }

    /// Like [`connect`](Self::connect), for a URL that was taken apart already.
    #[doc(hidden)]
    pub fn at(endpoint: RedisEndpoint, options: Options) -> Result<Self, SetupError> {
        options.check()?;
        if endpoint.tls {
            check_certificates(&endpoint.certificates).map_err(|error| SetupError::Tls(error.to_string()))?;
        }
        Ok(Self { core: Core::new(endpoint, options), codec: DefaultCodec::default() })
    }
}

#[cfg(test)]
impl<C> Cache<C> {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

impl<C> Cache<C> {
    /// The same cache with another codec. Entries of different codecs are not read by each other,
    /// and live beside each other: choose one for each kind of key.
    ///
    /// ```
    /// use cache_aside::{Cache, Options, codec::Json};
    ///
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// let readable = cache.with_codec(Json);
    /// # Ok::<(), cache_aside::SetupError>(())
    /// ```
    pub fn with_codec<D>(&self, codec: D) -> Cache<D> {
        Cache { core: Arc::clone(&self.core), codec }
    }

    /// The value from Redis, or, where it is not there, from `load`; then it is kept, unless it
    /// changed meanwhile. `Ok(None)` says that there is no such row, which is remembered too.
    ///
    /// `load` runs at most once. **It must see what is committed when it begins**: let it read from
    /// the primary, outside any transaction that is open already, and not on a connection with
    /// `autocommit=0`, where the first read opens a transaction that shows the rows of that moment
    /// to all later ones. Otherwise old rows are cached, and no write removes them.
    ///
    /// Redis can slow this down by its timeouts at most; it cannot make it fail. One reader a
    /// process may be chosen to refresh a value ahead of its expiry ([`Options::early_refresh`]):
    /// it loads, with the old value in hand, while the others read on. To prevent that, see
    /// [`wrap_refreshing`](Self::wrap_refreshing).
    ///
    /// ```
    /// use cache_aside::{Cache, Key, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn row_from_the_database(id: u32) -> Result<Option<String>, std::io::Error> { Ok(Some(format!("user {id}"))) }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let user = cache.get(&Key::new("user", 1, 42)?, || row_from_the_database(42))?;
    /// assert_eq!(user.as_deref(), Some("user 42"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The loader's alone. Where an entry was to be refreshed ahead of time and the loader fails,
    /// the entry is the answer.
    ///
    /// # Panics
    /// Where the loader does; what Redis was told about the load is then taken back.
    pub fn get<T, E>(&self, key: &Key, load: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<T>, E>
    where
        C: Codec<T>,
    {
        self.get_with(key, &CallOptions::default(), load)
    }

    /// Like [`get`](Self::get), with options of this call's own. The loader may also say how long
    /// its answer may be kept: it returns an `Option` or [`Loaded`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_aside::{Cache, CallOptions, Key, Loaded, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn rate_from_the_database() -> Result<Option<f64>, std::io::Error> { Ok(Some(1.25)) }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let rate = cache.get_with(&Key::new("rate", 1, "EUR")?, &CallOptions::default(), || {
    ///     let rate = rate_from_the_database()?;
    ///     Ok::<_, std::io::Error>(Loaded::from(rate).ttl(Duration::from_secs(10)))
    /// })?;
    /// assert_eq!(rate, Some(1.25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The loader's alone, as of [`get`](Self::get).
    pub fn get_with<T, E, R>(
        &self,
        key: &Key,
        call: &CallOptions,
        load: impl FnOnce() -> Result<R, E>,
    ) -> Result<Option<T>, E>
    where
        C: Codec<T>,
        R: Into<Loaded<T>>,
    {
        self.get_observed(key, call, &mut (), load)
    }

    /// Does the same as [`get_with`](Self::get_with), and tells `observer` of every phase as it
    /// ends, for example to time it.
    ///
    /// ```
    /// use cache_aside::{Cache, CallOptions, Key, Observer, Options, Phase};
    ///
    /// #[derive(Default)]
    /// struct Phases(Vec<Phase>);
    ///
    /// impl Observer for Phases {
    ///     fn ended(&mut self, phase: Phase) {
    ///         self.0.push(phase);
    ///     }
    /// }
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let mut phases = Phases::default();
    /// let load = || Ok::<_, std::io::Error>(Some(1.25));
    /// cache.get_observed(&Key::new("rate", 1, "EUR")?, &CallOptions::default(), &mut phases, load)?;
    /// assert!(phases.0.contains(&Phase::Load));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The loader's alone, as of [`get`](Self::get).
    pub fn get_observed<T, E, R>(
        &self,
        key: &Key,
        call: &CallOptions,
        observer: &mut impl Observer,
        load: impl FnOnce() -> Result<R, E>,
    ) -> Result<Option<T>, E>
    where
        C: Codec<T>,
        R: Into<Loaded<T>>,
    {
        Reading::new(&self.core, key, &self.codec, call, observer).run(|| load().map(Into::into), None)
    }

    /// The values of many ids, in a few round trips whatever their number: one look for every 128
    /// of them, and for what is missing one call of `load` with the missing ids, between as many
    /// round trips for their leases and as many that store what came. An id that is not in the
    /// answer has no row, which is remembered too.
    ///
    /// What is promised of [`get`](Self::get) holds for each key, whatever reads and writes it at
    /// the same time. Keys at which another thread or process is, or a write, are waited for after
    /// the load, all together no longer than a single read waits; what takes too long is loaded by
    /// one more call of `load`. It may be called for single ids too, where an entry of another type
    /// is stored. Nothing is refreshed ahead of its expiry. What `load` returns for other ids than
    /// it was asked for is dropped.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use cache_aside::{Cache, Key, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn rows_from_the_database(ids: &[u32]) -> Result<HashMap<u32, String>, std::io::Error> {
    /// #     Ok(ids.iter().map(|id| (*id, format!("user {id}"))).collect())
    /// # }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let users: HashMap<u32, String> =
    ///     cache.get_many(&[1, 2, 3], |id| Key::new("user", 1, id), |missing| rows_from_the_database(missing))?;
    /// assert_eq!(users[&2], "user 2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The loader's alone. Then nothing that it was asked for is kept.
    pub fn get_many<A, T, E, R>(
        &self,
        ids: &[A],
        key: impl Fn(&A) -> Result<Key, KeyError>,
        load: impl FnMut(&[A]) -> Result<R, E>,
    ) -> Result<HashMap<A, T>, E>
    where
        A: Clone + Eq + Hash,
        C: Codec<T>,
        R: IntoIterator<Item = (A, T)>,
    {
        self.get_many_with(ids, key, &CallOptions::default(), load)
    }

    /// Like [`get_many`](Self::get_many), with options of this call's own.
    ///
    /// # Errors
    /// The loader's alone.
    pub fn get_many_with<A, T, E, R>(
        &self,
        ids: &[A],
        key: impl Fn(&A) -> Result<Key, KeyError>,
        call: &CallOptions,
        mut load: impl FnMut(&[A]) -> Result<R, E>,
    ) -> Result<HashMap<A, T>, E>
    where
        A: Clone + Eq + Hash,
        C: Codec<T>,
        R: IntoIterator<Item = (A, T)>,
    {
        let mut load = |ids: &[A]| load(ids).map(|rows| rows.into_iter().collect());
        ManyReading::new(&self.core, &self.codec, call, ids, key).run(&mut load)
    }

    /// The value from Redis or from `load`, for what always exists: settings, a count, a list that
    /// may be empty. There is no `Option`. Where another reader of the key has left word that it is
    /// missing, `load` is asked without the cache.
    ///
    /// ```
    /// use cache_aside::{Cache, Key, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn countries_from_the_database() -> Result<Vec<String>, std::io::Error> { Ok(vec!["France".to_owned()]) }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let countries = cache.get_present(&Key::singleton("countries", 1)?, countries_from_the_database)?;
    /// assert_eq!(countries, ["France"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The loader's alone, as of [`get`](Self::get).
    pub fn get_present<T, E>(&self, key: &Key, load: impl Fn() -> Result<T, E>) -> Result<T, E>
    where
        C: Codec<T>,
    {
        match self.get(key, || load().map(Some))? {
            Some(value) => Ok(value),
            None => self.core.load_aside(load),
        }
    }

    /// Connects and does once what the cache does, under a key of its own: for the start of a
    /// program that wants to know. Reads need no such check; they fall back to the database without
    /// a word.
    ///
    /// ```no_run
    /// # use cache_aside::{Cache, Options};
    /// # let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// println!("the cache is {}", cache.check()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CheckError`] says what was tried, what Redis answered, and what to do about it: no
    /// connection, a wrong password, a replica, a node of a cluster, a missing right.
    pub fn check(&self) -> Result<CheckReport, CheckError> {
        check::check(&self.core)
    }

    /// The error that Redis, or the connection to it, gave last.
    pub fn last_error(&self) -> Option<LastError> {
        self.core.events.last_error()
    }

    /// Waits until Redis has answered for every entry that was sent to it.
    ///
    /// A read that loaded its value sends a small entry (below 64 KiB) and returns without waiting
    /// for the reply, which is taken when the connection is used next, within a tenth of a second,
    /// or when the last clone of the cache is dropped. Call this if something outside of the cache
    /// is to find the entry.
    pub fn flush(&self) {
        self.core.take_replies(std::time::Instant::now());
    }

    /// One bare round trip on a connection of the cache, which thereby is known to be in order.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not answer.
    #[doc(hidden)]
    pub fn ping(&self) -> Result<(), RedisError> {
        let core = &self.core;
        let ping_all = || {
            core.connections.primaries().iter().try_for_each(|node| {
                let answered = core.tell(node, |session| session.store.connection().ping());
                answered.map_err(|error| {
                    (core.connections.may_reroute(&error), RedisError::new(node.pool.endpoint(), error))
                })
            })
        };
        ping_all().or_else(|(may_reroute, error)| {
            // The URL may name a replica of a cluster, which keeps no key, or a node that is gone.
            if !may_reroute {
                return Err(error);
            }
            core.connections.refresh();
            ping_all().map_err(|(_, error)| error)
        })
    }

    /// The counts of this cache and its clones so far. Replies to entries that were sent are taken
    /// first, see [`flush`](Self::flush).
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }
}

impl<C: Clone> Clone for Cache<C> {
    fn clone(&self) -> Self {
        self.with_codec(self.codec.clone())
    }
}

impl<C> fmt::Debug for Cache<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
