//! The raw samples: what was seen, as it was seen. They know neither who took them nor what they
//! mean.

pub(crate) mod cache_use;
pub(crate) mod database_node;
pub(crate) mod disk;
pub(crate) mod ended;
pub(crate) mod latencies;
pub(crate) mod path;
pub(crate) mod request_counts;
pub(crate) mod round_series;
pub(crate) mod server_counters;
pub(crate) mod workload;
pub(crate) mod written;
