//! The reasons why a cache did not do something, for a program's hook, its log and `last_error`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::error::RedisError;
use super::key::{Key, KeyError};

/// Something that an operator may want to know. See
/// [`Options::on_error`](crate::Options::on_error).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Redis did not do what it was asked. Reads go to the database; what a write makes of it is
    /// its own result.
    Redis(&'a RedisError),
    /// So many failures came in a row that reads leave Redis alone for a while.
    BreakerOpened,
    /// Redis answers again.
    BreakerClosed,
    /// A marker was gone when its write finished: it expired, was evicted, or Redis lost it. Reads
    /// of this key may have been stale between the COMMIT and now, and are not any more.
    MarkerLost(&'a Key),
    /// A value was not kept, because its codec does not give it back as it was. Choose another
    /// codec for its type; see [`Stats::unfaithful`](crate::Stats::unfaithful).
    Unfaithful(&'a Key),
    /// The argument of a wrapped function, or an id of [`Cache::get_many`](crate::Cache::get_many),
    /// makes no key: it is loaded without the cache; see [`Stats::unkeyed`](crate::Stats::unkeyed).
    Unkeyed(&'a KeyError),
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(error) => error.fmt(f),
            Self::BreakerOpened => f.write_str("Redis does not answer; reads leave it alone for a while"),
            Self::BreakerClosed => f.write_str("Redis answers again"),
            Self::MarkerLost(key) => write!(
                f,
                "the marker of {key} was gone when its write finished: reads may have been stale until now"
            ),
            Self::Unfaithful(key) => {
                write!(f, "the value of {key} is not kept: its codec does not give it back as it was")
            }
            Self::Unkeyed(error) => write!(f, "loaded without the cache: {error}"),
        }
    }
}

/// The error that Redis gave last, or the connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// When it was.
    pub at: SystemTime,
    /// The error in words, without any secret.
    pub words: String,
}

/// A function of the program's own; see [`Options::on_error`](crate::Options::on_error).
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Hook {
    pub(crate) fn new(hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Hooks are equal if they are the same one.
impl PartialEq for Hook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Hands events on, and remembers the last error.
pub(crate) struct Events {
    hook: Option<Hook>,
    last: Mutex<Option<LastError>>,
}

impl Events {
    pub(crate) fn new(hook: Option<Hook>) -> Self {
        Self { hook, last: Mutex::new(None) }
    }

    /// A hook or a logger that panics harms no read or write.
    pub(crate) fn emit(&self, event: &Event<'_>) {
        if let Event::Redis(error) = event {
            let last = LastError { at: SystemTime::now(), words: error.to_string() };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        }
        #[cfg(feature = "log")]
        let _ = catch_unwind(AssertUnwindSafe(|| match event {
            Event::BreakerClosed => log::info!("{event}"),
            Event::Redis(_)
            | Event::BreakerOpened
            | Event::MarkerLost(_)
            | Event::Unfaithful(_)
            | Event::Unkeyed(_) => log::warn!("{event}"),
        }));
        if let Some(Hook(hook)) = &self.hook {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(event)));
        }
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{Cache, Options};

    #[test]
    fn a_hook_that_panics_makes_no_read_and_no_write_panic() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let options = Options::default().on_error(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("the hook")
        });
        let cache = Cache::connect("redis://127.0.0.1:1", options).unwrap();
        let key = Key::new("thing", 1, 1).unwrap();
        let read = cache.get(&key, || Ok::<_, ()>(Some("row".to_owned())));
        assert_eq!(read.unwrap().as_deref(), Some("row"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(cache.invalidate(&key).is_err() && cache.mark(&[&key]).is_err());
        assert!(calls.load(Ordering::Relaxed) >= 3);
    }
}
