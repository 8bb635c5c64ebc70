//! The rounds, the workers, and the one clock around a read.

pub(crate) mod affinity;
mod barrier;
pub(crate) mod clock;
pub(crate) mod core_rotation;
pub(crate) mod cpu_latency;
pub(crate) mod disk;
pub(crate) mod keys;
mod pace;
pub(crate) mod plan;
mod queue;
pub(crate) mod rounds;
pub(crate) mod schedule;
pub(crate) mod timer;
mod worker;
