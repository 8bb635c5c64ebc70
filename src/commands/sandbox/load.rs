//! `rcache sandbox load`: a schema and data of the user's own into the sandbox's database.
//!
//! An action of its own, and no option of `start`: the servers need not run, a file can be loaded
//! at any time, and what fails is the file and not the start.

use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, anyhow, bail};

use crate::advice;
use crate::db::connect;
use crate::db::load::{self, LoadError, Loaded};
use crate::dump::Statements;
use crate::interrupt;
use crate::sandbox::{Sandbox, Wanted};
use crate::units::counted;

/// Loads the file; `-` is stdin. Servers that a URL names are not used, whatever the environment
/// holds.
pub(super) fn load(file: &Path, dir: &Path, note: &mut dyn FnMut(&str)) -> anyhow::Result<Loaded> {
    let name = name(file);
    let input = open(file).map_err(|error| anyhow!("cannot read {name}: {}", words(&error)))?;
    let wanted = Wanted { mysql: true, redis: false };
    let sandbox = Sandbox::open(dir, wanted, "sandbox load", note)?;
    let mysql = sandbox.mysql().context("the sandbox runs no database")?;
    let mut session = connect::connect(mysql)?;
    let outcome = load::load(&mut session, &mut Statements::new(input));
    // The connection ends before its server.
    drop(session);
    sandbox.stop()?;
    match outcome {
        Ok(loaded) => Ok(loaded),
        Err(error @ LoadError::Interrupted { .. }) => {
            Err(anyhow!(error).context(format!("cannot load {name}")))
        }
        Err(error) => bail!("cannot load {name}: {error}"),
    }
}

fn name(file: &Path) -> String {
    if file.as_os_str() == "-" { "stdin".to_owned() } else { file.display().to_string() }
}

fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(interrupt::stdin()?)));
    }
    Ok(Box::new(BufReader::with_capacity(1024 * 1024, interrupt::open(file)?)))
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "the file does not exist".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => error.to_string(),
    }
}

/// The outcome in words.
pub(super) fn describe(file: &Path, loaded: &Loaded) -> String {
    let statements = counted(loaded.statements, "statement", "statements");
    let mut text = format!("Loaded {} into the sandbox's database: {statements}.\n", name(file));
    if loaded.skipped > 0 {
        let skipped = counted(loaded.skipped, "statement", "statements");
        text.push_str(&format!("Skipped {skipped} about other databases or the server's own settings.\n"));
    }
    if !loaded.tables.is_empty() {
        text.push_str(&format!("Tables: {}.\n", loaded.tables.join(", ")));
    }
    text.push_str(&format!("The data stay until `{}`.\n", advice::command("sandbox destroy")));
    text
}
