//! The program `rcache`: measures what Redis in front of MySQL would really buy.

mod advice;
mod answer;
mod assertion;
mod cache;
mod candidates;
mod claims;
mod cli;
mod commands;
mod compare;
mod config;
mod db;
mod documents;
mod dump;
mod endpoint;
#[cfg(test)]
mod formats;
mod interrupt;
mod limits;
mod load_model;
mod measure;
mod operator;
mod parts;
mod paths;
mod permutation;
mod plain_text;
#[allow(dead_code, reason = "the commands that use it are being built")]
mod query;
mod reopen;
mod report;
mod rounds_log;
mod run_file;
mod sample;
mod sandbox;
mod scenario;
mod scenario_file;
#[cfg(feature = "serve")]
mod serve;
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
pub fn limits() -> ExitCode {
    commands::limits()
}
