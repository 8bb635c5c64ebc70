//! MySQL and MariaDB: connecting, the schema with its ownership, and loading. All SQL text lives in
//! `sql/`.

pub(crate) mod connect;
pub(crate) mod counters;
pub(crate) mod digests;
pub(crate) mod error;
mod hints;
pub(crate) mod identity;
pub(crate) mod load;
pub(crate) mod node;
pub(crate) mod own_table;
mod private;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod seed;
pub(crate) mod session;
mod settings;
mod socket;
mod watch;
