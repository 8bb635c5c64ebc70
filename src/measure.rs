//! The rounds, the workers, and the one clock around a read.

pub(crate) mod affinity;
pub(crate) mod awake;
pub(crate) mod clock;
pub(crate) mod dealing;
pub(crate) mod disk;
pub(crate) mod keys;
mod pace;
pub(crate) mod plan;
mod queue;
pub(crate) mod rounds;
pub(crate) mod schedule;
mod start_line;
pub(crate) mod timer;
mod worker;
