//! Samples in, numbers out. Pure: no I/O, no clock.

mod autocorrelation;
#[allow(dead_code, reason = "not asked yet")]
pub(crate) mod bootstrap;
pub(crate) mod break_even;
#[cfg(test)]
mod coverage;
pub(crate) mod estimate;
mod interval;
mod resample;
pub(crate) mod rounds;
#[cfg(test)]
mod simulation;
pub(crate) mod summary;
pub(crate) mod warnings;
