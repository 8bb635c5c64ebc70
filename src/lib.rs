//! rcache: what Redis in front of MySQL would really buy, measured.

mod cli;
mod endpoint;
mod interrupt;
mod report;
mod run_file;
mod secret;
mod units;
mod users;

use std::process::ExitCode;

/// Runs the program as the command line says.
#[doc(hidden)]
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
