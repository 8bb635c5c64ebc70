//! The program `rcache`: measures what Redis in front of MySQL would really buy.

mod advice;
mod answer;
mod assertion;
mod bench;
mod cache;
mod candidates;
mod claims;
mod cli;
mod client_threads;
mod commands;
mod compare;
mod config;
mod console;
mod db;
mod documents;
mod dump;
mod endpoint;
#[cfg(test)]
mod formats;
mod interrupt;
#[cfg(feature = "limits")]
mod limits;
mod load_model;
mod measure;
mod model;
mod page;
mod paths;
mod permutation;
mod plain_text;
mod query;
mod reopen;
mod report;
mod run_file;
mod samples;
mod sandbox;
mod scenario;
#[cfg(feature = "serve")]
mod serve;
mod servers;
mod shell;
mod size;
mod size_check;
mod stats;
mod traffic;
mod traffic_file;
mod units;
mod users;
mod verdict;

use std::process::ExitCode;

#[cfg(fuzzing)]
pub use answer::fuzz as fuzz_answer;
#[cfg(test)]
pub(crate) use cache_aside::internal::socket_calls;
pub(crate) use cache_aside::internal::{secret, texts};

/// Runs the program as the command line says.
pub fn run() -> ExitCode {
    commands::run()
}

/// Measures rcache beside the limits of what it does; for `scripts/limits`.
#[cfg(feature = "limits")]
pub fn limits() -> ExitCode {
    commands::limits()
}
