//! MySQL and MariaDB: connecting, the schema with its ownership, and loading. All SQL text lives in `sql/`.

pub(crate) mod connect;
pub(crate) mod counters;
pub(crate) mod error;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod seed;
mod socket;
