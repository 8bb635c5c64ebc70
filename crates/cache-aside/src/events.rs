//! The reasons of what a cache does not do: for a program's hook, its log, and whoever looks at the last error.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::key::Key;
use super::trouble::RedisError;

/// Something that an operator may want to know. See [`Options::on_error`](crate::Options::on_error).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Redis did not do what it was asked. Reads go to the database; what a write makes of it is its own result.
    Redis(&'a RedisError),
    /// So many failures came in a row that reads leave Redis alone for a while.
    BreakerOpened,
    /// Redis answers again.
    BreakerClosed,
    /// A marker was gone when its write finished: it expired, was evicted, or Redis lost it. Reads of this key may have been
    /// stale between the COMMIT and now, and are not any more.
    MarkerLost(&'a Key),
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

    pub(crate) fn emit(&self, event: &Event<'_>) {
        if let Event::Redis(error) = event {
            let last = LastError { at: SystemTime::now(), words: error.to_string() };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        }
        #[cfg(feature = "log")]
        match event {
            Event::BreakerClosed => log::info!("{event}"),
            Event::Redis(_) | Event::BreakerOpened | Event::MarkerLost(_) => log::warn!("{event}"),
        }
        if let Some(Hook(hook)) = &self.hook {
            hook(event);
        }
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
