//! One thin file a subcommand: the only place where the stages are joined, and the only place that prints.

pub(crate) mod sandbox;
