//! A mixed load for a while: reads and writes of rcache's own rows, by each strategy of caching, in a closed loop or when
//! they are due, with every read checked.

mod client;
mod filling;
pub(crate) mod find;
pub(crate) mod plan;
pub(crate) mod tally;
pub(crate) mod trial;
