//! Samples in, numbers out. Pure: no I/O, no clock.

pub(crate) mod analysis;
pub(crate) mod anomalies;
mod autocorrelation;
pub(crate) mod batches;
pub(crate) mod between_runs;
pub(crate) mod bootstrap;
#[cfg(test)]
mod bootstrap_properties;
pub(crate) mod break_even;
pub(crate) mod client_saturation;
pub(crate) mod comparison;
#[cfg(test)]
mod coverage;
pub(crate) mod curve;
pub(crate) mod distance;
pub(crate) mod estimate;
pub(crate) mod external_traffic;
pub(crate) mod hit_ratio_check;
mod interval;
pub(crate) mod percentile_interval;
pub(crate) mod precision;
pub(crate) mod relative_cost;
mod resample;
pub(crate) mod rounds;
#[cfg(test)]
mod simulation;
pub(crate) mod stalls;
pub(crate) mod statistics;
pub(crate) mod summary;
pub(crate) mod threshold;
pub(crate) mod typical;
pub(crate) mod typical_ratio;
pub(crate) mod warnings;
