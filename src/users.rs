//! The data set as a pure function of (rng_seed, id): people-like users, the same on every machine.

/// How many users there are unless told otherwise; the blog post's number.
pub(crate) const DEFAULT_USERS: u32 = 100_000;
/// The data set's random generator starts here unless told otherwise.
pub(crate) const DEFAULT_RNG_SEED: u64 = 42;
/// More users than this would not fit the columns that hold all of them in memory (32-bit offsets).
pub(crate) const MAX_USERS: u32 = 50_000_000;
