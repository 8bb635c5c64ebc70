//! The cache-aside: what stands under a key, how values are encoded, and the way to Redis. Knows nothing
//! of MySQL or of users.

pub(crate) mod admin;
pub(crate) mod codec;
pub(crate) mod counters;
pub(crate) mod entry;
pub(crate) mod key;
pub(crate) mod protocol;
pub(crate) mod wire;
