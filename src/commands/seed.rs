//! `rcache seed`: fills the table, and proves that it holds what was asked for.

use std::sync::Arc;

use serde::Serialize;

use super::console::Console;
use super::left::{Left, Made};
use super::servers::{Need, Servers};
use super::{Outcome, json};
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::db::connect;
use crate::db::schema::{self, SeedState, Tables};
use crate::db::seed::{self, Method, Progress, SeedError, Seeded};
use crate::db::session::Session;
use crate::endpoint::MysqlEndpoint;
use crate::measure::clock::timed;
use crate::units;
use crate::users::{DEFAULT_RNG_SEED, DEFAULT_USERS, DataSet};

pub(super) fn run(arguments: &cli::Seed, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let data = DataSet { users: arguments.users, rng_seed: arguments.rng_seed };
    let servers = Servers::open(settings, Need::Mysql, "seed", console)?;
    let endpoint = servers.mysql()?;
    let mut conn = connect::connect(endpoint)?;
    let (outcome, ns) = timed(|| with_progress(&mut conn, endpoint, data, arguments.force, console));
    let seeded = outcome?;
    drop(conn);
    let database = endpoint.database.clone();
    servers.stop()?;
    let text = match settings.format {
        Format::Text => format!("{}\n", console.prose(&words(&seeded, data, &database, ns))),
        Format::Json => json::line(document(&seeded, data, ns))?,
    };
    console.result(&text)?;
    Left::report(settings, Need::Mysql, Made { tables: true, entries: None }, console);
    Ok(Outcome::Fine)
}

/// Fills the table of the sandbox's own database with `users`, or with what is there, or with the
/// usual number. Users of another number are replaced only if the servers end with this command, so
/// that no other command reads them now.
pub(super) fn fill_sandbox(servers: &Servers, users: Option<u32>, console: &Console) -> anyhow::Result<()> {
    if servers.mysql_in_sandbox { fill(servers, users, console) } else { Ok(()) }
}

/// Like [`fill_sandbox`], in any database; users of another number are replaced in a sandbox alone.
pub(super) fn fill(servers: &Servers, users: Option<u32>, console: &Console) -> anyhow::Result<()> {
    let endpoint = servers.mysql()?;
    let mut conn = connect::connect(endpoint)?;
    let there = match schema::inspect(&mut conn)? {
        Tables::Ours { users_table: true, state: SeedState::Seeded { data, .. } } => Some(data),
        _ => None,
    };
    let usual = there.unwrap_or(DataSet { users: DEFAULT_USERS, rng_seed: DEFAULT_RNG_SEED });
    let data = DataSet { users: users.unwrap_or(usual.users), ..usual };
    if there == Some(data) {
        return Ok(());
    }
    let replace = there.is_some() && servers.mysql_is_transient();
    let (outcome, ns) = timed(|| with_progress(&mut conn, endpoint, data, replace, console));
    let seeded = outcome?;
    if seeded != Seeded::Already {
        console.note(&words(&seeded, data, &endpoint.database, ns));
    }
    Ok(())
}

/// Seeds under a progress bar with rate and time left.
pub(super) fn with_progress(
    conn: &mut Session,
    endpoint: &MysqlEndpoint,
    data: DataSet,
    force: bool,
    console: &Console,
) -> Result<Seeded, SeedError> {
    let template = "seeding {wide_bar} {human_pos} of {human_len} users, {rate}, {eta} left";
    let bar = console.progress(u64::from(data.users), template);
    let counter = bar.clone();
    let progress: Progress = Arc::new(move |users| counter.inc(users));
    let outcome = seed::seed(conn, endpoint, data, force, &progress);
    bar.finish_and_clear();
    if let Ok(Seeded::Filled(method) | Seeded::Mended(method) | Seeded::Replaced(method)) = &outcome
        && let Method::Insert { refusal } = method
    {
        console
            .note(&format!("Seeded by INSERT, which takes longer: LOAD DATA LOCAL was refused: {refusal}"));
    }
    outcome
}

/// The result in a sentence.
pub(super) fn words(seeded: &Seeded, data: DataSet, database: &str, ns: u64) -> String {
    let users = units::counted(u64::from(data.users), "user", "users");
    let these = if data.users == 1 { "this" } else { "these" };
    let rng_seed = data.rng_seed;
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let took = units::duration(ns as f64);
    let (what, method) = match seeded {
        Seeded::Already => {
            return format!(
                "Database {database:?} already holds {these} {users} (rng_seed {rng_seed}), unchanged; nothing to do."
            );
        }
        Seeded::Filled(method) => ("Seeded", method),
        Seeded::Mended(method) => ("An earlier seed had been interrupted; started over and seeded", method),
        Seeded::Replaced(method) => ("Replaced the users and seeded", method),
    };
    let by = match method {
        Method::LoadData => "LOAD DATA LOCAL",
        Method::Insert { .. } => "multi-row INSERT",
    };
    format!(
        "{what} {users} (rng_seed {rng_seed}) in {took} by {by}; counted and fingerprinted in database {database:?}."
    )
}

/// The document of a seed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// `already`, `filled`, `mended` or `replaced`.
    outcome: &'static str,
    /// `load_data` or `insert`; null if nothing was to be done.
    method: Option<&'static str>,
    /// Users in the table.
    users: u32,
    /// The seed of the random generator that named them.
    rng_seed: u64,
    /// The duration, ns.
    took_ns: u64,
}

impl json::Small for Document {
    const FORMAT: &'static str = "rcache-seed";
}

fn document(seeded: &Seeded, data: DataSet, took_ns: u64) -> Document {
    let (outcome, method) = match seeded {
        Seeded::Already => ("already", None),
        Seeded::Filled(method) => ("filled", Some(method)),
        Seeded::Mended(method) => ("mended", Some(method)),
        Seeded::Replaced(method) => ("replaced", Some(method)),
    };
    let method = method.map(|method| match method {
        Method::LoadData => "load_data",
        Method::Insert { .. } => "insert",
    });
    Document { outcome, method, users: data.users, rng_seed: data.rng_seed, took_ns }
}
