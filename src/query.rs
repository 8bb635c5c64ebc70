//! A query of the user's own: the statement, checked before any server sees it, and its parameters.

pub(crate) mod functions;
#[cfg(test)]
mod hostile;
pub(crate) mod lexer;
pub(crate) mod normalise;
pub(crate) mod parameters;
pub(crate) mod refused;
pub(crate) mod screen;
pub(crate) mod statement;
pub(crate) mod views;
