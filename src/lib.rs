//! rcache: what Redis in front of MySQL would really buy, measured.

mod assertion;
mod cache;
mod cli;
mod commands;
mod compare;
mod config;
mod db;
mod endpoint;
#[cfg(test)]
mod formats;
mod interrupt;
mod limits;
mod measure;
mod operator;
mod parts;
mod paths;
mod permutation;
mod report;
mod rounds_log;
mod run_file;
mod sample;
mod sandbox;
mod secret;
mod stats;
mod units;
mod users;
mod verdict;

use std::process::ExitCode;

/// Runs the program as the command line says.
#[doc(hidden)]
pub fn run() -> ExitCode {
    commands::run()
}

/// Measures rcache beside the limits of what it does; for `scripts/limits`.
#[doc(hidden)]
pub fn limits() -> ExitCode {
    commands::limits()
}
