//! Functions with a cache in front of them.

use std::borrow::Borrow;
use std::sync::Arc;

use super::Cache;
use crate::call::{CallOptions, Loaded};
use crate::codec::Codec;
use crate::key::{Key, KeyError};
use crate::read::{DueRefresh, Reading};

/// A cached function, as a type that can be named, for example in a struct. `Box` what
/// [`Cache::wrap`] or [`Cache::wrap_refreshing`] returns:
///
/// ```
/// use cache_aside::{Cache, CachedFn, Key, Options};
///
/// struct Users {
///     name: CachedFn<u32, String, std::io::Error>,
/// }
///
/// # let nowhere = "redis://127.0.0.1:1";
/// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
/// # let cache = Cache::connect(nowhere, Options::default())?;
/// let name = cache.wrap(|id: &u32| Key::new("user", 1, id), |id| Ok(Some(format!("user {id}"))));
/// let users = Users { name: Box::new(name) };
/// assert_eq!((users.name)(&42)?.as_deref(), Some("user 42"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type CachedFn<A, T, E> = Box<dyn Fn(&A) -> Result<Option<T>, E> + Send + Sync>;

impl<C> Cache<C> {
    /// The function `load` with a cache in front of it.
    ///
    /// An argument that makes no [`Key`] is loaded without the cache, which
    /// [`Stats::unkeyed`](struct@crate::Stats#structfield.unkeyed) counts.
    ///
    /// ```
    /// use cache_aside::{Cache, Key, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn row_from_the_database(id: u32) -> Result<Option<String>, std::io::Error> { Ok(Some(format!("user {id}"))) }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let get_user = cache.wrap(|id: &u32| Key::new("user", 1, id), |id| row_from_the_database(*id));
    /// assert_eq!(get_user(&42)?.as_deref(), Some("user 42"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wrap<A, T, E, K, L>(
        &self,
        key: K,
        load: L,
    ) -> impl Fn(&A) -> Result<Option<T>, E> + use<A, T, E, K, L, C>
    where
        A: ?Sized,
        C: Codec<T> + Clone,
        K: Fn(&A) -> Result<Key, KeyError>,
        L: Fn(&A) -> Result<Option<T>, E>,
    {
        let cache = self.clone();
        move |argument| match key(argument) {
            Ok(key) => cache.get(&key, || load(argument)),
            Err(error) => cache.core.load_unkeyed(&error, || load(argument)),
        }
    }

    /// Like [`wrap`](Self::wrap), and no reader waits for an early refresh: a reader that finds
    /// that one is due gets the value that is there, and a thread of its own calls `load` for the
    /// next. Of these there is one a key, and
    /// [`Options::max_loads`](struct@crate::Options#structfield.max_loads) at most;
    /// beyond that, values are refreshed by later readers. An error of such a load is not reported:
    /// the value is served until it expires.
    ///
    /// So a key that is read often enough never makes a reader wait once it is there: several times
    /// while one load takes. What is read seldom expires, and who then comes loads it.
    ///
    /// ```
    /// use cache_aside::{Cache, Key, Options};
    ///
    /// # let nowhere = "redis://127.0.0.1:1";
    /// # fn row_from_the_database(id: u32) -> Result<Option<String>, std::io::Error> { Ok(Some(format!("user {id}"))) }
    /// let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
    /// # let cache = Cache::connect(nowhere, Options::default())?;
    /// let get_user = cache.wrap_refreshing(|id: &u32| Key::new("user", 1, id), |id| row_from_the_database(*id));
    /// assert_eq!(get_user(&42)?.as_deref(), Some("user 42"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wrap_refreshing<A, T, E, K, L>(
        &self,
        key: K,
        load: L,
    ) -> impl Fn(&A) -> Result<Option<T>, E> + use<A, T, E, K, L, C>
    where
        A: ToOwned + ?Sized,
        A::Owned: Send + 'static,
        C: Codec<T> + Clone + 'static,
        K: Fn(&A) -> Result<Key, KeyError>,
        L: Fn(&A) -> Result<Option<T>, E> + Send + Sync + 'static,
    {
        let (cache, load) = (self.clone(), Arc::new(load));
        move |argument| {
            let key = match key(argument) {
                Ok(key) => key,
                Err(error) => return cache.core.load_unkeyed(&error, || load(argument)),
            };
            let background_refresh = |due: DueRefresh| {
                let (cache, load, key, argument) =
                    (cache.clone(), Arc::clone(&load), key.clone(), argument.to_owned());
                let core = Arc::clone(&cache.core);
                core.refresh_threads.start(core.options.max_loads, move || {
                    due.refresh(&cache.core, &key, &cache.codec, || {
                        load(argument.borrow()).map(Loaded::from)
                    });
                });
            };
            let reading = Reading::new(&cache.core, &key, &cache.codec, &CallOptions::default(), ());
            reading.run(|| load(argument).map(Loaded::from), Some(&background_refresh))
        }
    }
}
