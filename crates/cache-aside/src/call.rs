//! The choices of one call, and what a loader may say about its value.

use std::time::Duration;

use super::options::Options;

/// Longer times to live are cut off: a cached value must go some day.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The options of one read, for [`Cache::get_with`](crate::Cache::get_with). What is not set is as
/// in [`Options`].
///
/// ```
/// use std::time::Duration;
/// use cache_aside::CallOptions;
///
/// let call = CallOptions::default().ttl(Duration::from_secs(5)).early_refresh(0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CallOptions {
    ttl: Option<Duration>,
    negative_ttl: Option<Option<Duration>>,
    early_refresh: Option<f64>,
    stale_if_error: Option<Duration>,
    pub(crate) expects_miss: Option<bool>,
}

impl CallOptions {
    /// The time to live of a value that this call loads, see [`Options::ttl`]. Zero: it is not
    /// kept.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// The time for which a missing row is remembered, see [`Options::negative_ttl`].
    #[must_use]
    pub fn negative_ttl(self, negative_ttl: impl Into<Option<Duration>>) -> Self {
        Self { negative_ttl: Some(negative_ttl.into()), ..self }
    }

    /// The eagerness of refreshing the entry ahead of its expiry, see [`Options::early_refresh`].
    #[must_use]
    pub fn early_refresh(self, early_refresh: f64) -> Self {
        Self { early_refresh: Some(early_refresh), ..self }
    }

    /// The time beyond its time to live for which the value serves loads that fail, see
    /// [`Options::stale_if_error`].
    #[must_use]
    pub fn stale_if_error(self, stale_if_error: Duration) -> Self {
        Self { stale_if_error: Some(stale_if_error), ..self }
    }

    /// Says whether a miss is expected, instead of leaving it to the recent hit ratio of the kind
    /// of key: a benchmark measures either way apart.
    #[doc(hidden)]
    #[must_use]
    pub fn expects_miss(self, expects_miss: bool) -> Self {
        Self { expects_miss: Some(expects_miss), ..self }
    }

    /// With what is not set taken from the cache's options.
    pub(crate) fn over(&self, options: &Options) -> Times {
        let early_refresh = self.early_refresh.filter(|beta| beta.is_finite() && *beta >= 0.0);
        Times {
            ttl: self.ttl.unwrap_or(options.ttl),
            negative_ttl: self.negative_ttl.unwrap_or(options.negative_ttl),
            early_refresh: early_refresh.unwrap_or(options.early_refresh),
            grace: self.stale_if_error.unwrap_or(options.stale_if_error).min(TEN_YEARS),
        }
    }
}

/// The options of one read, all set.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    ttl: Duration,
    negative_ttl: Option<Duration>,
    pub(crate) early_refresh: f64,
    grace: Duration,
}

impl Times {
    /// The longest that an answer may be kept, as far as is known before it is loaded.
    pub(crate) fn longest_ttl(&self) -> Duration {
        self.ttl.max(self.negative_ttl.unwrap_or_default()).min(TEN_YEARS) + self.grace
    }

    /// Whether values may be there whose time to live is over.
    pub(crate) fn keeps_longer(&self) -> bool {
        !self.grace.is_zero()
    }

    /// The time that an entry with this time to live stays in Redis.
    pub(crate) fn kept(&self, ttl: Duration, is_value: bool) -> Duration {
        if is_value { ttl + self.grace } else { ttl }
    }

    /// The time for which that may be kept; none if not at all.
    pub(crate) fn ttl_of<T>(&self, loaded: &Loaded<T>) -> Option<Duration> {
        let ttl = if loaded.value.is_some() { Some(self.ttl) } else { self.negative_ttl };
        loaded.ttl.or(ttl).filter(|ttl| *ttl >= Duration::from_millis(1)).map(|ttl| ttl.min(TEN_YEARS))
    }
}

/// The answer of a loader that also says how long it may be kept.
///
/// ```
/// use std::time::Duration;
/// use cache_aside::Loaded;
///
/// let rate = Loaded::from(Some(1.25)).ttl(Duration::from_secs(10));
/// let missing = Loaded::<f64>::from(None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded<T> {
    /// None: there is no such row.
    pub value: Option<T>,
    /// None: as the options say.
    pub ttl: Option<Duration>,
}

impl<T> From<Option<T>> for Loaded<T> {
    fn from(value: Option<T>) -> Self {
        Self { value, ttl: None }
    }
}

impl<T> Loaded<T> {
    /// The answer may be kept for this long. Zero: not at all.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }
}
