//! `rcache schema`: creates the tables, prints their SQL, or drops what rcache created.

use serde::Serialize;

use super::console::Console;
use super::servers::{Need, Servers};
use super::{Outcome, json};
use crate::advice;
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::db::own_table::{Leftover, SCENARIO};
use crate::db::schema::{self, Created, SeedState};
use crate::db::{connect, seed};
use crate::units;

pub(super) fn run(
    arguments: &cli::Schema,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    if arguments.print {
        print_sql(settings.format, console)?;
        return Ok(Outcome::Fine);
    }
    let servers = Servers::open(settings, Need::Mysql, "schema", console)?;
    let endpoint = servers.mysql()?;
    let mut conn = connect::connect(endpoint)?;
    seed::lock(&mut conn)?;
    let (text, document) = if arguments.drop {
        // First, so that a foreign table under this name too leaves everything as it is.
        let leftover = SCENARIO.leftover(endpoint)?;
        let dropped = Dropped { tables: schema::drop(&mut conn)?, leftover: leftover.is_some() };
        leftover.map(Leftover::drop).transpose()?;
        let changed = dropped.tables || dropped.leftover;
        (dropped.words(&endpoint.database), Document { action: "drop", changed: Some(changed), sql: None })
    } else {
        let (created, state) = schema::create(&mut conn)?;
        let text = format!("{} {}\n", created_words(created, &endpoint.database), next_step(&state));
        (text, Document { action: "create", changed: Some(created == Created::Now), sql: None })
    };
    drop(conn);
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => text,
        Format::Json => json::line(document)?,
    })?;
    Ok(Outcome::Fine)
}

/// The document of an action on the tables.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// `create`, `drop` or `print`.
    action: &'static str,
    /// Whether the database is another one now; absent if the SQL was only printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    /// The statements; absent unless they were printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

impl json::Small for Document {
    const FORMAT: &'static str = "rcache-schema";
}

/// The tables that were there.
struct Dropped {
    tables: bool,
    /// The table of an experiment that was killed.
    leftover: bool,
}

impl Dropped {
    fn words(&self, database: &str) -> String {
        let tables = match (self.tables, self.leftover) {
            (false, false) => {
                return format!("Database {database:?} holds no tables of rcache; nothing to drop.\n");
            }
            (true, false) => "tables users and rcache_meta",
            (true, true) => "tables users, rcache_meta and rcache_scenario",
            (false, true) => "table rcache_scenario",
        };
        format!("Dropped the {tables} in database {database:?}.\n")
    }
}

fn print_sql(format: Format, console: &Console) -> anyhow::Result<()> {
    let sql = schema::sql();
    console.result(&match format {
        Format::Text => sql,
        Format::Json => json::line(Document { action: "print", changed: None, sql: Some(sql) })?,
    })
}

fn created_words(created: Created, database: &str) -> String {
    match created {
        Created::Now => format!("Created the tables users and rcache_meta in database {database:?}."),
        Created::Already => {
            format!("Database {database:?} already holds rcache's tables users and rcache_meta.")
        }
    }
}

fn next_step(state: &SeedState) -> String {
    match state {
        SeedState::Empty => format!("They are empty; fill them with: {}", advice::command("seed")),
        SeedState::Interrupted => {
            format!("A seed was interrupted; mend it with: {}", advice::command("seed"))
        }
        SeedState::Seeded { data, .. } => {
            let users = units::counted(u64::from(data.users), "user", "users");
            format!("They hold {users} of rng_seed {}.", data.rng_seed)
        }
    }
}
