//! `rcache man`: the manual, generated from the argument definitions.

use std::io;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use super::Outcome;
use super::console::Console;
use super::output_file::OutputFile;
use crate::cli;
use crate::plain_text;

pub(super) fn run(arguments: &cli::Man, console: &Console) -> anyhow::Result<Outcome> {
    let command = cli::command();
    match &arguments.output_dir {
        Some(dir) => {
            let what = || format!("cannot write the man pages to {}", plain_text::path(dir));
            std::fs::create_dir_all(dir).with_context(what)?;
            write_pages(&command, "rcache", None, dir).with_context(what)?;
            console.note(&format!("Wrote the man pages to {}.", plain_text::path(dir)));
        }
        // A page that comes alone refers to no others.
        None => console.result(&without_references(&page(&command, "rcache")?))?,
    }
    Ok(Outcome::Fine)
}

/// The page of this command, and those of the commands below it.
fn write_pages(command: &Command, name: &str, parent: Option<&str>, dir: &Path) -> anyhow::Result<()> {
    let mut text = page(command, name)?;
    if let Some(parent) = parent {
        text.push_str(&format!(".SH SEE ALSO\n\\fB{}\\fR(1)\n", parent.replace('-', "\\-")));
    }
    OutputFile::create(&dir.join(format!("{name}.1")))?.put(&text)?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_pages(below, &format!("{name}-{}", below.get_name()), Some(name), dir)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> io::Result<String> {
    let version = format!("rcache {}", env!("CARGO_PKG_VERSION"));
    // There is no page about `help`, so none refers to it.
    let without_help = match command.find_subcommand("help") {
        Some(_) => command.clone().mut_subcommand("help", |help| help.hide(true)),
        None => command.clone(),
    };
    let command =
        without_help.name(name.to_owned()).display_name(name.to_owned()).version(env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).title(name.to_uppercase()).source(version).manual("rcache manual").date("");
    let mut page = Vec::new();
    man.render(&mut page)?;
    // The generator has one name for whatever follows the options.
    Ok(String::from_utf8_lossy(&page).replace(".SH EXTRA", ".SH NOTES"))
}

/// Turns `rcache\-bench(1)`, a reference, into the command `rcache bench`.
fn without_references(page: &str) -> String {
    let command = |line: &str| match line.strip_suffix("(1)") {
        Some(reference) if reference.starts_with("rcache\\-") => reference.replace("\\-", " "),
        _ => line.to_owned(),
    };
    page.lines().map(|line| command(line) + "\n").collect()
}
