//! A mixed load for a while: reads and writes of rcache's own rows, or the reads of a workload, by
//! each strategy of caching, in a closed loop or when they are due, with every read checked.

mod client;
mod filling;
pub(crate) mod find;
pub(crate) mod plan;
pub(crate) mod reads;
pub(crate) mod rows;
pub(crate) mod subject;
pub(crate) mod tally;
mod time;
pub(crate) mod trial;
#[cfg(test)]
mod virtual_time;
mod worker;
