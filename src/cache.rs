//! The cache-aside: what stands under a key, how values are encoded, and the way to Redis. Knows nothing
//! of MySQL or of users.

#[cfg(feature = "cli")]
pub(crate) mod admin;
mod breaker;
mod bulkhead;
pub(crate) mod codec;
mod core;
#[cfg(feature = "cli")]
pub(crate) mod counters;
pub(crate) mod entry;
mod face;
mod flights;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(crate) mod key;
mod options;
mod pool;
pub(crate) mod protocol;
mod read;
mod script;
pub(crate) mod session;
mod stats;
pub(crate) mod store;
mod trouble;
pub(crate) mod wire;
mod write;

pub use self::face::{Cache, SetupError};
pub use self::key::{Key, KeyError};
pub use self::options::{Options, OptionsError, Unmarked};
pub use self::stats::Stats;
pub use self::trouble::{RedisError, RedisErrorKind};
pub use self::write::{MarkError, StaleError, WriteGuard};
