//! Samples in, numbers out. Pure: no I/O, no clock.

pub(crate) mod summary;
pub(crate) mod warnings;
