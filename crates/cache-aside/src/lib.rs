//! **A cache-aside on Redis for synchronous programs that keeps no stale value.**
//!
//! A function is cached in five lines:
//!
//! ```
//! use cache_aside::{Cache, Key, Options};
//!
//! # let nowhere = "redis://127.0.0.1:1";
//! # fn user_from_the_database(id: u32) -> Result<Option<String>, std::io::Error> { Ok(Some(format!("user {id}"))) }
//! let cache = Cache::connect("redis://127.0.0.1", Options::default())?;
//! # let cache = Cache::connect(nowhere, Options::default())?;
//! let get_user = cache.wrap(|id: &u32| Key::new("user", 1, id), |id| user_from_the_database(*id));
//! let user = get_user(&42)?;
//! # assert_eq!(user.as_deref(), Some("user 42"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! And whoever writes the row says so: [`Cache::invalidate`] after the COMMIT, or, against crashes
//! in between too, [`Cache::mark`] before it and [`WriteGuard::finish`] behind it.
//!
//! # What it promises
//! - **No read that begins after a write returned is stale.** The usual cache-aside cannot say
//!   that: a reader may store the row it read before the write after the writer has removed the
//!   entry. Here a value is stored only in the place of a lease that was put into Redis before the
//!   database was read, and every write destroys the lease.
//! - With [`Cache::mark`], **a cached value equals the committed row at every instant**, also where
//!   a writer crashes.
//! - **One load per key** in a process while Redis answers, for loads of any length up to
//!   [`Options::longest_load`], however many threads miss at the same time. The others wait for it,
//!   or, while a write keeps the key uncached, share the load that begins after they came. While
//!   Redis does not answer and the circuit breaker is open, every read loads for itself, and
//!   [`Options::max_loads`] is what bounds the loads.
//! - **A read never fails because of Redis**: slow, gone, full, restarted, or holding nonsense, the
//!   answer comes from the database, at most so many loads at once ([`Options::max_loads`]).
//!
//! # How long a read takes at most
//! Its own load, and before that `longest_load + lease_wait + marker_wait + load_wait` of waiting
//! for others, and a few exchanges with Redis, whose longest time [`Options`] gives. Each of the
//! four waits happens only where there is something to wait for: another thread at the same key,
//! another process at it, a write of it, and `max_loads` other loads. An error of a loader is its
//! own caller's alone: another thread that waited calls its own loader, one after the other for
//! `lease_wait` and then all of them.
//!
//! # What it cannot
//! Bounded only by the time to live, and therefore one is always set:
//! - writes that bypass the library;
//! - a failover, a restart or an eviction in Redis that loses a removal; for a failover, see
//!   [`Options::replicas`](struct@Options#structfield.replicas);
//! - a marker that is gone before its COMMIT *and* a writer that dies between the COMMIT and
//!   [`WriteGuard::finish`]: it expired, or Redis lost it as above, or its first bytes were
//!   damaged, so that nobody can know it for a marker;
//! - [`Unmarked::Proceed`] while Redis is out of reach.
//!
//! # Types, codecs and versions
//! Each entry says its codec, the type of its value and the shape of that type as serde sees it. A
//! read that finds entries of other types alone loads its own and puts it beside them. So programs
//! that disagree, as during an upgrade, share a Redis without reading each other's values and
//! without a load for every read. They share the *key*, because a writer does not know its readers'
//! types: what it marks or removes is marked or removed for all of them, also for versions that it
//! does not know.
//!
//! # What is stable
//! By semantic versioning:
//! - every item that this page lists, with its behaviour as documented. No type of another crate is
//!   part of it, except serde's traits. Structs and enums that may grow are `#[non_exhaustive]`, so
//!   a new option, counter, event or kind of error is no breaking change;
//! - the features `json`, `msgpack`, `postcard`, `tls` and `log`;
//! - the bytes of entries, leases and markers, and the layout of keys: a later version steps over
//!   the entries of this one, and understands its leases and markers.
//!
//! Not stable: what is hidden from this page (`internal`), the features `arrow` and `test-hooks`,
//! the words of errors and events, and the least version of Rust, which may rise with a minor
//! version.
//!
//! Run a cache without persistence: an old dump brings removed values back. The URL may name a
//! single primary, any node of a Redis Cluster, or Sentinels.
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod breaker;
mod bulkhead;
mod call;
#[cfg(test)]
#[cfg(feature = "json")]
mod chaos;
mod check;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod cluster;
pub mod codec;
mod connections;
mod core;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod endpoint;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod entry;
mod error;
mod events;
mod expectations;
mod face;
#[cfg(any(fuzzing, test))]
#[cfg(feature = "json")]
#[doc(hidden)]
pub mod fuzzing;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod key;
mod kinds;
mod ledger;
#[cfg(test)]
#[cfg(feature = "json")]
mod measured;
#[cfg(test)]
mod middlebox;
mod observer;
mod options;
mod orphans;
mod per_process;
mod pool;
#[cfg(test)]
#[cfg(feature = "json")]
mod private_cluster;
#[cfg(test)]
mod private_redis;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod protocol;
mod read;
mod renewals;
mod script;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod secret;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod session;
mod single_flight;
#[cfg(any(test, feature = "test-hooks"))]
#[allow(missing_docs, reason = "reached by the program's tests alone, see `internal`")]
mod socket_calls;
mod stats;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod store;
#[cfg(feature = "arrow")]
mod texts;
#[expect(missing_docs, reason = "reached by the program alone, see `internal`")]
mod wire;
mod write;

pub use self::call::{CallOptions, Loaded};
pub use self::check::{CheckError, CheckReport};
pub use self::error::{RedisError, RedisErrorKind};
pub use self::events::{Event, Hook, LastError};
pub use self::face::{Cache, CachedFn, SetupError};
pub use self::key::{Key, KeyError, KeyId};
pub use self::observer::{Observer, Phase};
pub use self::options::{Foreign, Options, OptionsError, Unmarked};
pub use self::stats::Stats;
pub use self::write::{Finished, MarkError, StaleError, WriteGuard};

/// The parts that the program `rcache`, which lives in the same repository, uses beside the public
/// face. No part of it is stable.
#[doc(hidden)]
pub mod internal {
    pub mod cluster {
        pub use crate::cluster::*;
    }
    #[cfg(feature = "arrow")]
    pub mod columns {
        pub use crate::codec::arrow::*;
    }
    pub mod endpoint {
        pub use crate::endpoint::*;
    }
    pub mod entry {
        pub use crate::entry::*;
    }
    pub mod key {
        pub use crate::key::layout::*;
        pub use crate::key::*;
    }
    pub mod protocol {
        pub use crate::protocol::*;
    }
    pub mod secret {
        pub use crate::secret::*;
    }
    pub mod session {
        pub use crate::session::*;
    }
    #[cfg(any(test, feature = "test-hooks"))]
    pub mod socket_calls {
        pub use crate::socket_calls::*;
    }
    pub mod store {
        pub use crate::store::*;
    }
    #[cfg(feature = "arrow")]
    pub mod texts {
        pub use crate::texts::*;
    }
    pub mod wire {
        pub use crate::wire::*;
    }
}
