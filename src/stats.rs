//! Samples in, numbers out. Pure: no I/O, no clock.

mod autocorrelation;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod bootstrap;
#[cfg(test)]
mod bootstrap_properties;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod break_even;
#[cfg(test)]
mod coverage;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod curve;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod estimate;
mod interval;
#[allow(dead_code, reason = "no command judges yet")]
pub(crate) mod judge;
#[allow(dead_code, reason = "no command warns of these yet")]
pub(crate) mod oddities;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod percentile_interval;
mod resample;
#[allow(dead_code, reason = "no command asks for intervals yet")]
pub(crate) mod rounds;
#[cfg(test)]
mod simulation;
pub(crate) mod summary;
#[allow(dead_code, reason = "no command compares yet")]
pub(crate) mod two_runs;
#[allow(dead_code, reason = "no command compares yet")]
pub(crate) mod typical_ratio;
pub(crate) mod warnings;
