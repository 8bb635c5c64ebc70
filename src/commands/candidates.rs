//! `rcache candidates`: the reads of a server that a cache could relieve most.

use anyhow::{anyhow, bail};

use super::Outcome;
use super::console::Console;
use super::json;
use super::left::{Left, Made};
use super::servers::{Need, Servers};
use crate::advice;
use crate::cache::admin;
use crate::cache::connection::Connection;
use crate::candidates::{self, Document, FORMAT, FORMAT_VERSION};
use crate::cli::Format;
use crate::config::Settings;
use crate::db::connect::{self, ServerInfo};
use crate::db::counters;
use crate::db::digests::{self, Counted, Counting};
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::measure::clock::timed;
use crate::model::UsageError;
use crate::report;
use crate::{shell, units};

/// Round trips that are measured, and those before that do not count.
const ROUND_TRIPS: usize = 200;
const WARM_UP: usize = 20;

const NO_SERVER: &str = "candidates ranks the reads of a server of yours, and none is named: give --mysql-url, or set \
                         RCACHE_MYSQL_URL; the sandbox's own server counts no statements";
const OFF: &str = "the server counts no statements: its performance schema is off\n  turn it on in the server's \
                   configuration, and start the server again:\n    [mysqld]\n    performance_schema = ON";
const SWITCHED_OFF: &str = "the server counts no statements: its performance schema is on, and told not to\n  switch it on, \
                            which lasts until the server starts again, and let the program run for a while:\n    UPDATE \
                            performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME IN ('global_instrumentation', \
                            'thread_instrumentation', 'statements_digest');\n    UPDATE performance_schema.setup_instruments \
                            SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME LIKE 'statement/%';";
const NO_RIGHT: &str =
    "the account may not read the performance schema\n  GRANT SELECT ON performance_schema.* TO user";
/// The server's errors for a missing right.
const DENIED: [u16; 4] = [1044, 1142, 1143, 1227];

pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let Some(endpoint) = settings.mysql()? else {
        let empty =
            if settings.mysql_variable_is_empty() { "RCACHE_MYSQL_URL is set but empty\n  " } else { "" };
        bail!(UsageError(format!("{empty}{NO_SERVER}")))
    };
    let servers = Servers::open(settings, Need::Both, "candidates", console)?;
    let mut session = connect::connect(servers.mysql()?)?;
    let server = connect::server_info(&mut session)?;
    let counting = digests::read(&mut session).map_err(denied)?;
    let counted = match counting {
        Counting::Off => bail!(OFF),
        Counting::SwitchedOff => bail!(SWITCHED_OFF),
        Counting::On(counted) => counted,
    };
    let uncounted_executions = uncounted_executions(&mut session, &server)?;
    let round_trip_ns = round_trip_ns(&mut admin::connect(servers.redis()?)?)?;
    servers.stop()?;
    let document =
        Document { uncounted_executions, ..document(&server, endpoint.database, &counted, round_trip_ns) };
    console.result(&match settings.format {
        Format::Text => console.render(&report::candidates::page(&document), settings.page_format),
        Format::Json => json::pretty(&document)?,
    })?;
    Left::report(settings, Need::Both, Made::default(), console);
    Ok(Outcome::Fine)
}

/// MariaDB leaves executions of prepared statements out of its digests, and says how many there
/// were.
fn uncounted_executions(session: &mut Session, server: &ServerInfo) -> Result<Option<u64>, DbError> {
    let counters = if server.flavor == "MariaDB" { Some(counters::read(session)?) } else { None };
    Ok(counters.and_then(|counters| counters.com_stmt_execute))
}

fn denied(error: DbError) -> anyhow::Error {
    if error.code().is_some_and(|code| DENIED.contains(&code)) { anyhow!(NO_RIGHT) } else { error.into() }
}

/// The median of some PINGs.
fn round_trip_ns(redis: &mut Connection) -> anyhow::Result<u64> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for number in 0..WARM_UP + ROUND_TRIPS {
        crate::interrupt::check()?;
        let (is_alive, ns) = timed(|| admin::is_alive(redis));
        if !is_alive {
            bail!("Redis does not answer PING any more");
        }
        if number >= WARM_UP {
            times.push(ns);
        }
    }
    times.sort_unstable();
    Ok(times.get(units::index(0.5, times.len())).copied().unwrap_or(0))
}

fn document(server: &ServerInfo, database: String, counted: &Counted, round_trip_ns: u64) -> Document {
    Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        flavor: server.flavor.to_owned(),
        version: server.version.clone(),
        database,
        since: counted.since.clone(),
        digests: counted.digests,
        total_s: counted.total_s,
        lost_calls: counted.lost_calls,
        redis_round_trip_ns: round_trip_ns,
        uncounted_executions: None,
        candidates: candidates::rank(counted, round_trip_ns, &command),
    }
}

/// A line that measures the statement; the file of parameters is the user's to make.
fn command(statement: &str, parameters: usize) -> String {
    let parameters = if parameters == 0 { "" } else { " --params FILE.csv" };
    advice::command(&format!("bench --query {}{parameters}", shell::word(statement)))
}
