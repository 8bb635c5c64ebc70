//! Asks before much load is offered to servers that are not on this machine: others may depend on them.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::bail;

use super::super::console::Console;
use super::super::servers::Servers;
use crate::cli;
use crate::config::UsageError;
use crate::interrupt;
use crate::units;

/// More than this a second needs to be agreed to.
const MUCH_PER_S: f64 = 1_000.0;

pub(super) fn before_much_load(
    arguments: &cli::Traffic,
    servers: &Servers,
    console: &Console,
) -> anyhow::Result<()> {
    // Without a rate nobody knows how much it will be.
    let much = arguments.rate.is_none_or(|rate| rate > MUCH_PER_S) && arguments.trace.is_none();
    let elsewhere: Vec<String> = [("MySQL", &servers.mysql()?.address), ("Redis", &servers.redis()?.address)]
        .iter()
        .filter(|(_, address)| !address.is_here())
        .map(|(name, address)| format!("{name} at {address}"))
        .collect();
    if arguments.yes || !much || elsewhere.is_empty() {
        return Ok(());
    }
    let load = arguments.rate.map_or("as many operations as the clients can".to_owned(), |rate| {
        format!("{} operations", units::rate(rate))
    });
    let question = format!("This offers {load} to {}.", elsewhere.join(" and to "));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(UsageError(format!("{question} Add --yes if that is meant")).into());
    }
    console.raw(&format!("{question} Go on? [y/N] "));
    let _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    interrupt::check()?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        bail!("nothing was offered");
    }
    Ok(())
}
