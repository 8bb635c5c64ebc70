//! rcache measures what Redis in front of MySQL would really buy; that is the program `rcache`. This is the library half:
//! **a cache-aside for synchronous programs that keeps no stale value.**
//!
//! A function is cached in five lines:
//!
//! ```
//! use rcache::{Cache, Key, Options};
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
//! And whoever writes the row says so: [`Cache::invalidate`] after the COMMIT, or, against crashes in between too,
//! [`Cache::mark`] before it and [`WriteGuard::finish`] behind it.
//!
//! # What it promises
//! - **No read that begins after a write returned is stale.** The usual cache-aside cannot say that: a reader may store the
//!   row it read before the write after the writer has removed the entry. Here a value is stored only in the place of a
//!   lease that was put into Redis before the database was read, and every write destroys the lease.
//! - With [`Cache::mark`], **a cached value equals the committed row at every instant**, also where a writer crashes.
//! - **One load a key**, however many threads miss at once; the others wait for it, within bounds.
//! - **A read never fails because of Redis**: slow, gone, full, restarted, or holding nonsense, the answer comes from the
//!   database, at most so many loads at once ([`Options::max_loads`]).
//!
//! # What it cannot
//! Bounded only by the time to live, and therefore one is always set:
//! - writes that bypass the library;
//! - a failover, a restart or an eviction in Redis that loses a removal;
//! - a marker that is gone before its COMMIT *and* a writer that dies between the COMMIT and [`WriteGuard::finish`]: it expired,
//!   or Redis lost it as above, or its first bytes were damaged, so that nobody can know it for a marker;
//! - [`Unmarked::Proceed`] while Redis is out of reach.
//!
//! Run a cache without persistence: an old dump brings removed values back. Read and write one primary; Redis Cluster needs
//! a proxy.
#![warn(missing_docs)]

#[cfg(feature = "cli")]
mod assertion;
mod cache;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod commands;
#[cfg(feature = "cli")]
mod compare;
#[cfg(feature = "cli")]
mod config;
#[cfg(feature = "cli")]
mod db;
mod endpoint;
#[cfg(test)]
#[cfg(feature = "cli")]
mod formats;
#[cfg(feature = "cli")]
mod interrupt;
#[cfg(feature = "cli")]
mod limits;
#[cfg(feature = "cli")]
mod measure;
#[cfg(feature = "cli")]
mod operator;
#[cfg(feature = "cli")]
mod parts;
#[cfg(feature = "cli")]
mod paths;
#[cfg(feature = "cli")]
mod permutation;
#[cfg(feature = "cli")]
mod report;
#[cfg(feature = "cli")]
mod rounds_log;
#[cfg(feature = "cli")]
mod run_file;
#[cfg(feature = "cli")]
mod sample;
#[cfg(feature = "cli")]
mod sandbox;
#[cfg(feature = "cli")]
mod scenario;
#[cfg(feature = "cli")]
mod scenario_file;
mod secret;
#[cfg(test)]
#[cfg(feature = "cli")]
mod socket_calls;
#[cfg(feature = "cli")]
mod stats;
#[cfg(feature = "arrow")]
mod texts;
#[cfg(feature = "cli")]
mod units;
#[cfg(feature = "cli")]
mod users;
#[cfg(feature = "cli")]
mod verdict;

#[cfg(feature = "cli")]
use std::process::ExitCode;

pub use cache::{
    Cache, Key, KeyError, MarkError, Options, OptionsError, RedisError, RedisErrorKind, SetupError,
    StaleError, Stats, Unmarked, WriteGuard,
};

/// How values become bytes.
pub mod codec {
    pub use crate::cache::codec::*;
}

/// For `fuzz/` alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::cache::fuzzing::*;
}

/// Runs the program as the command line says.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub fn run() -> ExitCode {
    commands::run()
}

/// Measures rcache beside the limits of what it does; for `scripts/limits`.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub fn limits() -> ExitCode {
    commands::limits()
}
