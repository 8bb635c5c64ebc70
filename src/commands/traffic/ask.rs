//! Asks before much load is offered to servers that are not on this machine: others may depend on
//! them.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use anyhow::bail;

use super::super::console::Console;
use super::super::servers::Servers;
use crate::interrupt;
use crate::model::UsageError;
use crate::units;

/// More than this a second needs to be agreed to.
const MUCH_PER_S: f64 = 1_000.0;

/// `rate_per_s` is what is offered a second; none if that is not known beforehand.
pub(super) fn before_much_load(
    rate_per_s: Option<f64>,
    is_agreed: bool,
    servers: &Servers,
    console: &Console,
) -> anyhow::Result<()> {
    let elsewhere: Vec<String> = [("MySQL", &servers.mysql()?.address), ("Redis", &servers.redis()?.address)]
        .iter()
        .filter(|(_, address)| !address.is_here())
        .map(|(name, address)| format!("{name} at {address}"))
        .collect();
    if is_agreed || elsewhere.is_empty() || rate_per_s.is_some_and(|rate| rate <= MUCH_PER_S) {
        return Ok(());
    }
    let load = rate_per_s.map_or("as many operations as the clients can".to_owned(), |rate| {
        format!("{} operations", units::rate(rate))
    });
    let question = format!("This offers {load} to {}.", elsewhere.join(" and to "));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(UsageError(format!("{question} Add --yes if that is meant")).into());
    }
    console.raw(&format!("{question} Go on? [y/N] "));
    let _ = io::stderr().flush();
    let mut answer = String::new();
    // Fails after an interrupt instead of waiting on.
    let read = BufReader::new(interrupt::stdin()?).read_line(&mut answer);
    interrupt::check()?;
    read?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        bail!("nothing was offered");
    }
    Ok(())
}
