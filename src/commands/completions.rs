//! `rcache completions`: a shell's completion script, generated from the argument definitions.

use super::Outcome;
use super::console::Console;
use crate::cli::{self, Completions};

pub(super) fn run(arguments: &Completions, console: &Console) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), "rcache", &mut script);
    console.result(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}
