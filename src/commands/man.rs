//! `rcache man`: the manual, generated from the argument definitions.

use anyhow::Context;
use clap::CommandFactory;

use super::Outcome;
use super::console::Console;
use crate::cli::{Cli, Man};

pub(super) fn run(arguments: &Man, console: &Console) -> anyhow::Result<Outcome> {
    let command = Cli::command();
    match &arguments.output_dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .and_then(|()| clap_mangen::generate_to(command, dir))
                .with_context(|| format!("cannot write the man pages to {}", dir.display()))?;
            console.note(&format!("Wrote the man pages to {}.", dir.display()));
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            console.result(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Outcome::Fine)
}
