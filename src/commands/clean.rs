//! `rcache clean`: removes everything that rcache made on the two servers, and says what is left.

use anyhow::bail;
use serde::Serialize;

use super::console::Console;
use super::servers::{self, Need, Servers};
use super::{Outcome, json};
use crate::advice;
use crate::bench::flush as bench_flush;
use crate::cache::admin;
use crate::cli::Format;
use crate::config::Settings;
use crate::db::own_table::{SCENARIO, SERVE, TableError};
use crate::db::schema::{self, SchemaError};
use crate::db::{connect, seed};
use crate::sandbox;
use crate::units;

/// The actions, on one server after the other.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// The kind of document.
    format: &'static str,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore those
    /// that you do not know.
    format_version: u32,
    /// The tables.
    mysql: Half<Tables>,
    /// The entries.
    redis: Half<Entries>,
    /// The sandbox that stays, where one of the servers is its own.
    sandbox: Option<Remains>,
}

/// One server's part.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Half<T> {
    /// Its remains were removed.
    Cleaned(T),
    /// There is nothing, and nothing was started to look for it.
    NothingThere,
    /// The reason why it could not be cleaned.
    Failed(String),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tables {
    /// The address of MySQL.
    address: String,
    /// The database that was cleaned.
    database: String,
    /// The tables that were dropped.
    dropped: Vec<&'static str>,
    /// Why a table under one of our names was left alone.
    left_alone: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Entries {
    /// The address of Redis.
    address: String,
    /// The prefix of every key that was looked at.
    namespace: String,
    /// Entries that were removed.
    removed: u64,
    /// Keys that begin alike and that rcache did not make.
    left_alone: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Remains {
    /// The folder of the sandbox.
    folder: String,
    /// The size of its data.
    data_bytes: u64,
}

pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    // What is wrong with the command line is wrong for both.
    let (mysql_is_ours, redis_is_ours) = (settings.mysql()?.is_none(), settings.redis()?.is_none());
    let sandbox = if mysql_is_ours || redis_is_ours { remains(settings)? } else { None };
    let nothing_runs = sandbox.is_none();
    let redis_is_kept = sandbox.as_ref().is_some_and(|(_, is_kept)| *is_kept);
    let (no_mysql, no_redis) = (mysql_is_ours && nothing_runs, redis_is_ours && !redis_is_kept);
    // Of a server that is asked this is said when it is opened.
    settings.empty_variables(no_mysql, no_redis, false).iter().for_each(|note| console.warning(note));
    let mysql = if no_mysql { Half::NothingThere } else { half(mysql(settings, console)) };
    let redis = if no_redis { Half::NothingThere } else { half(redis(settings, console)) };
    let document = Document {
        format: "rcache-clean",
        format_version: 1,
        mysql,
        redis,
        sandbox: remains(settings)?.filter(|_| mysql_is_ours || redis_is_ours).map(|(remains, _)| remains),
    };
    console.result(&match settings.format {
        Format::Text => console.prose(&text(&document)),
        Format::Json => json::pretty(&document)?,
    })?;
    for error in [document.mysql.error(), document.redis.error()].into_iter().flatten() {
        console.error(error);
    }
    Ok(if document.mysql.error().or(document.redis.error()).is_some() {
        Outcome::Failed
    } else {
        Outcome::Fine
    })
}

impl<T> Half<T> {
    fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Cleaned(_) | Self::NothingThere => None,
        }
    }
}

/// A server that fails is no reason to leave the other as it is.
fn half<T>(outcome: anyhow::Result<T>) -> Half<T> {
    outcome.map_or_else(|error| Half::Failed(format!("{error:#}")), Half::Cleaned)
}

/// The sandbox that is there, and whether its servers are kept.
fn remains(settings: &Settings) -> anyhow::Result<Option<(Remains, bool)>> {
    let report = sandbox::status(&servers::sandbox_dir(settings)?)?;
    Ok(report.map(|report| {
        let folder = report.folder.display().to_string();
        (Remains { folder, data_bytes: report.data_bytes }, report.running)
    }))
}

fn mysql(settings: &Settings, console: &Console) -> anyhow::Result<Tables> {
    let servers = Servers::open(settings, Need::Mysql, "clean", console)?;
    let endpoint = servers.mysql()?.clone();
    let mut conn = connect::connect(&endpoint)?;
    seed::lock(&mut conn)?;
    let mut tables = Tables {
        address: endpoint.address.to_string(),
        database: endpoint.database.clone(),
        dropped: Vec::new(),
        left_alone: None,
    };
    // Whatever commands that were killed have left.
    for table in [&SCENARIO, &SERVE] {
        match table.leftover(&endpoint) {
            Ok(Some(leftover)) => {
                leftover.drop()?;
                tables.dropped.push(table.name);
            }
            Ok(None) => {}
            Err(foreign @ TableError::Foreign { .. }) => {
                tables.left_alone = Some(first_line(&foreign.to_string()))
            }
            Err(error) => return Err(error.into()),
        }
    }
    match schema::drop(&mut conn) {
        Ok(true) => tables.dropped.extend(["users", "rcache_meta"]),
        Ok(false) => {}
        Err(SchemaError::Foreign(foreign)) => tables.left_alone = Some(first_line(&foreign.to_string())),
        Err(error) => return Err(error.into()),
    }
    drop(conn);
    servers.stop()?;
    Ok(tables)
}

fn redis(settings: &Settings, console: &Console) -> anyhow::Result<Entries> {
    let servers = Servers::open(settings, Need::Redis, "clean", console)?;
    let mut connection = admin::connect(servers.redis()?)?;
    let flushed = bench_flush::with_progress(&mut connection, &settings.namespace, console)?;
    let address = servers.redis()?.address.to_string();
    servers.stop()?;
    if let Some(refusal) = bench_flush::refusal(&flushed, &settings.namespace) {
        bail!("removed {}; {refusal}", units::counted(flushed.removed, "entry", "entries"));
    }
    Ok(Entries {
        address,
        namespace: settings.namespace.clone(),
        removed: flushed.removed,
        left_alone: flushed.left_alone,
    })
}

/// The reason without the advice, which is about something else here.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn text(document: &Document) -> String {
    let mut lines = Vec::new();
    match &document.mysql {
        Half::Cleaned(tables) => lines.extend(tables_text(tables)),
        Half::NothingThere => lines.push("MySQL: there is no sandbox, and so nothing to drop.".to_owned()),
        Half::Failed(_) => lines.push("MySQL: not cleaned; see the error.".to_owned()),
    }
    match &document.redis {
        Half::Cleaned(entries) => lines.extend(entries_text(entries)),
        Half::NothingThere => {
            lines.push("Redis: the sandbox's own holds nothing between commands.".to_owned())
        }
        Half::Failed(_) => lines.push("Redis: not cleaned; see the error.".to_owned()),
    }
    if let Some(sandbox) = &document.sandbox {
        lines.push(format!(
            "Left: the sandbox in {}, {}. To delete it:{}",
            sandbox.folder,
            units::bytes(sandbox.data_bytes as f64),
            advice::line("sandbox destroy")
        ));
    }
    lines.join("\n") + "\n"
}

fn tables_text(tables: &Tables) -> Vec<String> {
    let place = format!("MySQL {}, database {:?}", tables.address, tables.database);
    let what = match tables.dropped.as_slice() {
        [] => "no tables of rcache were there".to_owned(),
        [one] => format!("dropped the table {one}"),
        many => format!("dropped the tables {}", many.join(", ")),
    };
    let left = tables.left_alone.iter().map(|reason| format!("  {reason}."));
    std::iter::once(format!("{place}: {what}.")).chain(left).collect()
}

fn entries_text(entries: &Entries) -> Vec<String> {
    let removed = units::counted(entries.removed, "entry", "entries");
    let place = format!("Redis {}, namespace {:?}", entries.address, entries.namespace);
    let left = (entries.left_alone > 0).then(|| {
        let keys = units::counted(entries.left_alone, "key", "keys");
        format!("  Left {keys} alone that rcache did not make.")
    });
    std::iter::once(format!("{place}: removed {removed}.")).chain(left).collect()
}
