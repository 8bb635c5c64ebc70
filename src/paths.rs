//! The read paths over open connections: MySQL only, and cache-aside. What both return is the same
//! type, and neither looks at a clock: they are timed from outside by the same code.

pub(crate) mod client;
#[cfg(test)]
pub(crate) mod fake_client;
#[cfg(test)]
mod frugality;
pub(crate) mod nodes;
pub(crate) mod query;
pub(crate) mod reader;
