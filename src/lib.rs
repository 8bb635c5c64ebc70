//! rcache: what Redis in front of MySQL would really buy, measured.

mod cli;
mod commands;
mod endpoint;
mod interrupt;
mod sandbox;
mod secret;
mod users;

use std::process::ExitCode;

/// Runs the program as the command line says.
#[doc(hidden)]
pub fn run() -> ExitCode {
    use clap::Parser;

    let cli = cli::Cli::parse();
    if interrupt::install().is_err() {
        return ExitCode::FAILURE;
    }
    let outcome = match &cli.command {
        cli::Command::Sandbox(action) => sandbox_command(&cli.global, action),
        _ => Err(anyhow::anyhow!("not wired yet")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            if error.is::<interrupt::Interrupted>() {
                ExitCode::from(interrupt::EXIT_INTERRUPTED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn sandbox_command(global: &cli::Global, action: &cli::Sandbox) -> anyhow::Result<()> {
    let dir = global.sandbox_dir.clone().map_or_else(sandbox::default_dir, Ok)?;
    commands::sandbox::run(action, &dir, global.format, &mut std::io::stdout(), &mut |text| {
        anstream::eprintln!("{text}")
    })
}
