//! `rcache sandbox start | status | stop | destroy`: servers that run on between commands.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;

use super::child::Life;
use super::cluster::{self, Size};
use super::enter::{Company, Entry, enter, enter_alone};
use super::folder::Folder;
use super::leftovers::{end_servers, running};
use super::lock::holder;
use super::redis::Role;
use super::state::{Kept, State};
use super::{Up, Wanted, launch, mysql};
use crate::advice;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::shell;

/// The sandbox as `status` shows it; holds no secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Report {
    /// The folder of the sandbox.
    pub(crate) folder: PathBuf,
    /// True if the servers are kept and both run.
    pub(crate) running: bool,
    /// The start of the kept servers: RFC 3339, UTC; null if none are kept.
    pub(crate) since: Option<String>,
    /// The kept servers.
    pub(crate) servers: Vec<ServerReport>,
    /// The size of the cluster that Redis is; null if it is a single server or none is kept.
    pub(crate) cluster: Option<Size>,
    /// Another rcache that has the sandbox for itself just now.
    pub(crate) in_use_by: Option<InUse>,
    /// Servers that an rcache which was killed left running; `stop` ends them.
    pub(crate) left_behind: Vec<u32>,
    /// The size of the data on disk.
    pub(crate) data_bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ServerReport {
    /// The program, such as MariaDB.
    pub(crate) flavor: String,
    /// Its version.
    pub(crate) version: String,
    /// The number of its process.
    pub(crate) pid: u32,
    /// False if it has ended.
    pub(crate) running: bool,
    /// The host and port.
    pub(crate) address: String,
    /// The unix socket.
    pub(crate) socket: PathBuf,
    /// A command line that logs a person in.
    pub(crate) login: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct InUse {
    /// The number of its process.
    pub(crate) pid: u32,
    /// Its command.
    pub(crate) command: String,
    /// The time since which it has the sandbox: RFC 3339, UTC.
    pub(crate) since: String,
}

/// Starts the servers unless they run; `true` if it was us. Redis is a cluster of this size, or a
/// single server.
pub(crate) fn start(
    dir: &Path,
    size: Option<Size>,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<(Report, bool)> {
    let (folder, entry) = enter(dir, "sandbox start", Company::Anybody, note)?;
    match entry {
        Entry::Attached { state, .. } => {
            refuse_smaller(&state, size)?;
            Ok((report(&folder, Some(&state)), false))
        }
        Entry::Owner(_lock) => {
            let role = if size.is_some() { cluster::KEPT } else { Role::Single };
            let up = launch(&folder, Wanted { mysql: true, redis: true }, role, Life::Kept, note)?;
            let (mysql, redis) = up.mysql.zip(up.redis).context("a server is missing")?;
            let more = match size {
                Some(size) => cluster::complete(&folder, &redis, size)?,
                None => Vec::new(),
            };
            let since = crate::units::rfc3339(jiff::Timestamp::now());
            let more_redis = more.iter().map(kept).collect::<Result<_, _>>()?;
            let state = State { since, mysql: kept(&mysql)?, redis: kept(&redis)?, more_redis };
            state.save(&folder)?;
            more.into_iter().for_each(|up| up.server.release());
            mysql.server.release();
            redis.server.release();
            Ok((report(&folder, Some(&state)), true))
        }
    }
}

/// Servers that run are not made into a cluster, or a larger one.
fn refuse_smaller(state: &State, wanted: Option<Size>) -> anyhow::Result<()> {
    let (Some(wanted), there) = (wanted, state.cluster_size()) else { return Ok(()) };
    let runs = match there {
        Some(there) if there.replicas >= wanted.replicas => return Ok(()),
        Some(there) => there.to_string(),
        None => "a single Redis".to_owned(),
    };
    bail!(
        "the sandbox runs with {runs}\n  `{}` ends it, and then it can be started with {wanted}",
        advice::command("sandbox stop")
    )
}

fn kept(up: &Up) -> anyhow::Result<Kept> {
    let Some(identity) = up.server.identity() else { bail!("{} has just ended", up.release) };
    Ok(Kept::new(up.release.clone(), identity, up.port, up.socket.clone(), &up.password))
}

/// The state of the sandbox; `None` if there is none.
pub(crate) fn status(dir: &Path) -> anyhow::Result<Option<Report>> {
    let Some(folder) = Folder::existing(dir)? else { return Ok(None) };
    let state = State::load(&folder)?;
    Ok(Some(report(&folder, state.as_ref())))
}

/// The addresses of the kept servers and the login, if they run.
pub(crate) fn kept_servers(dir: &Path) -> anyhow::Result<Option<(MysqlEndpoint, RedisEndpoint)>> {
    let Some(folder) = Folder::existing(dir)? else { return Ok(None) };
    let state = State::load(&folder)?.filter(State::is_alive);
    Ok(state.map(|state| {
        let mysql = mysql::endpoint(state.mysql.port, &state.mysql.password());
        (mysql, state.redis_endpoint())
    }))
}

/// Stops the kept servers, and whatever an rcache that was killed left running; tells how many
/// processes that were.
pub(crate) fn stop(dir: &Path, note: &mut dyn FnMut(&str)) -> anyhow::Result<usize> {
    let Some(folder) = Folder::existing(dir)? else { return Ok(0) };
    let _lock = enter_alone(&folder, "sandbox stop", note)?;
    end_servers(&folder, &mut |_| {})
}

/// Stops the servers and deletes their folder; `false` if there was none.
pub(crate) fn destroy(dir: &Path, note: &mut dyn FnMut(&str)) -> anyhow::Result<bool> {
    let Some(folder) = Folder::existing(dir)? else { return Ok(false) };
    let _lock = enter_alone(&folder, "sandbox destroy", note)?;
    end_servers(&folder, &mut |_| {})?;
    folder.delete()?;
    Ok(true)
}

fn report(folder: &Folder, state: Option<&State>) -> Report {
    let in_use_by = holder(folder).filter(|holder| holder.pid != std::process::id());
    let left_behind = match (state, &in_use_by) {
        (None, None) => running(folder).iter().map(|process| process.pid).collect(),
        _ => Vec::new(),
    };
    let servers = state.map(|state| {
        let redis = state.all_redis().map(|server| redis_report(folder, server));
        [mysql_report(folder, &state.mysql)].into_iter().chain(redis).collect()
    });
    Report {
        folder: folder.root().to_owned(),
        running: state.is_some_and(State::is_alive),
        since: state.map(|state| state.since.clone()),
        servers: servers.unwrap_or_default(),
        cluster: state.and_then(State::cluster_size),
        in_use_by: in_use_by.map(|holder| InUse {
            pid: holder.pid,
            command: holder.purpose,
            since: holder.since,
        }),
        left_behind,
        data_bytes: disk_usage(&folder.data()),
    }
}

fn mysql_report(folder: &Folder, server: &Kept) -> ServerReport {
    let login = format!("mariadb --defaults-file={}", shell::word(folder.mysql_login()));
    let login = match server.release.flavor {
        super::programs::Flavor::MariaDB => login,
        _ => login.replacen("mariadb", "mysql", 1),
    };
    server_report(server, login)
}

fn redis_report(folder: &Folder, server: &Kept) -> ServerReport {
    let client =
        if server.release.flavor == super::programs::Flavor::Valkey { "valkey-cli" } else { "redis-cli" };
    let login =
        format!("REDISCLI_AUTH=$(cat {}) {client} -p {}", shell::word(folder.redis_login()), server.port);
    server_report(server, login)
}

fn server_report(server: &Kept, login: String) -> ServerReport {
    ServerReport {
        flavor: server.release.flavor.to_string(),
        version: server.release.version.clone(),
        pid: server.identity.pid,
        running: server.identity.is_alive(),
        address: format!("127.0.0.1:{}", server.port),
        socket: server.socket.clone(),
        login,
    }
}

/// The size of the folder on disk; files may come and go meanwhile.
fn disk_usage(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |path: &Path| match path.symlink_metadata() {
        Ok(file) if file.is_dir() => disk_usage(path),
        Ok(file) => file.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
