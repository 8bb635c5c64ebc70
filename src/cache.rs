//! The library, as the program sees it, and what only the program asks of Redis: administration and
//! its counters.

pub(crate) mod admin;
pub(crate) mod connection;
pub(crate) mod counters;
pub(crate) mod flush;
pub(crate) mod link;
mod packed;

pub(crate) use cache_aside::internal::{cluster, entry, key, protocol, wire};
pub(crate) use cache_aside::{
    Cache, CallOptions, Foreign, Key, KeyError, MarkError, Observer, Options, Phase, RedisError, SetupError,
    StaleError, Stats, WriteGuard,
};

/// The codecs, the one for columns among them.
pub(crate) mod codec {
    pub(crate) use cache_aside::codec::*;
    pub(crate) use cache_aside::internal::columns::{Arrow, Columnar};
}
