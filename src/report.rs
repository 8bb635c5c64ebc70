//! The pages: a run goes in, text comes out. Nothing here reads a file, a clock or a server,
//! so that every page can be tested to the letter.

pub(crate) mod bench;
pub(crate) mod candidates;
mod charts;
pub(crate) mod comparison;
pub(crate) mod csv;
pub(crate) mod demo;
mod distribution;
pub(crate) mod hdr;
mod names;
mod numbers;
pub(crate) mod pictures;
pub(crate) mod render;
#[cfg(test)]
pub(crate) mod sample_runs;
pub(crate) mod scenario;
pub(crate) mod size;
pub(crate) mod traffic;
pub(crate) mod traffic_comparison;

pub(crate) use crate::page::blocks;
use crate::page::{figures, scale};
