//! `rcache sandbox`: keeps the private servers running between commands, and says what they are.

use std::io::Write;
use std::path::Path;

mod holds;
mod load;

use anyhow::bail;
use serde::Serialize;

use super::json;
use crate::advice;
use crate::cli::{Format, Sandbox as Action};
use crate::db::load::Loaded;
use crate::model::{RedisKind, UsageError};
use crate::sandbox::{self, Report, ServerReport, Size};
use crate::units;
use holds::Holds;

/// The JSON document of every action.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// The kind of document.
    format: &'static str,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore those
    /// that you do not know.
    format_version: u32,
    /// `start`, `load`, `status`, `stop` or `destroy`.
    action: &'static str,
    /// True if the action started, stopped or deleted something.
    changed: bool,
    /// The sandbox after the action; null if there is none.
    sandbox: Option<&'a Report>,
    /// The contents of the servers, if they run.
    holds: Option<&'a Holds>,
    /// The rows that `load` has loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded: Option<&'a Loaded>,
}

/// Does what was asked and prints the outcome to `out`; what happens on the way goes to `note`.
pub(crate) fn run(
    action: &Action,
    dir: &Path,
    format: Format,
    out: &mut dyn Write,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let (mut holds, mut loaded) = (None, None);
    let (name, changed, report, text) = match action {
        Action::Start { redis, replicas } => {
            let (report, started) = sandbox::start(dir, cluster_size(*redis, *replicas)?, note)?;
            let headline =
                if started { "The sandbox is running." } else { "The sandbox was already running." };
            let text = format!("{headline}\n{}", describe(&report));
            ("start", started, Some(report), text)
        }
        Action::Load { file } => {
            let found = load::load(file, dir, note)?;
            let text = load::describe(file, &found);
            let changed = found.statements > 0;
            loaded = Some(found);
            ("load", changed, sandbox::status(dir)?, text)
        }
        Action::Status => {
            let report = sandbox::status(dir)?;
            holds = sandbox::kept_servers(dir)?.map(|(mysql, redis)| Holds::ask(&mysql, &redis));
            let text = report
                .as_ref()
                .map_or_else(|| format!("There is no sandbox in {}.\n", dir.display()), describe);
            let text = text + &holds.as_ref().map(Holds::describe).unwrap_or_default();
            ("status", false, report, text)
        }
        Action::Stop => {
            let stopped = sandbox::stop(dir, note)? > 0;
            let text = if stopped {
                "The sandbox is stopped; its data stay.\n"
            } else {
                "No sandbox was running.\n"
            };
            ("stop", stopped, sandbox::status(dir)?, text.to_owned())
        }
        Action::Destroy => {
            let deleted = sandbox::destroy(dir, note)?;
            let text = if deleted {
                format!("The sandbox in {} is deleted.\n", dir.display())
            } else {
                format!("There is no sandbox in {}.\n", dir.display())
            };
            ("destroy", deleted, None, text)
        }
    };
    match format {
        Format::Text => out.write_all(text.as_bytes())?,
        Format::Json => {
            let document = Document {
                format: "rcache-sandbox",
                format_version: 1,
                action: name,
                changed,
                sandbox: report.as_ref(),
                holds: holds.as_ref(),
                loaded: loaded.as_ref(),
            };
            out.write_all(json::pretty(&document)?.as_bytes())?;
        }
    }
    out.flush()?;
    Ok(())
}

/// The size of the cluster that was asked for; none for a single Redis.
fn cluster_size(redis: RedisKind, replicas: Option<u8>) -> anyhow::Result<Option<Size>> {
    match (redis, replicas) {
        (RedisKind::Cluster, replicas) => Ok(Some(Size::with_replicas(replicas.unwrap_or(0)))),
        (RedisKind::Single, Some(_)) => {
            bail!(UsageError("--replicas is for a cluster: add --redis cluster".to_owned()))
        }
        (RedisKind::Single, None) => Ok(None),
    }
}

fn describe(report: &Report) -> String {
    let mut text = String::new();
    let state = match (&report.in_use_by, report.running, &report.since) {
        (Some(user), ..) => {
            format!("in use by process {} (rcache {}, since {})", user.pid, user.command, user.since)
        }
        (None, true, Some(since)) => format!("running since {since}"),
        (None, false, Some(_)) => {
            format!("broken: a server has ended; `{}` puts it right", advice::command("sandbox start"))
        }
        (None, ..) if !report.left_behind.is_empty() => {
            let pids: Vec<String> = report.left_behind.iter().map(u32::to_string).collect();
            format!(
                "left running by an rcache that was killed (processes {}); `{}` ends them",
                pids.join(", "),
                advice::command("sandbox stop")
            )
        }
        (None, ..) => "not running".to_owned(),
    };
    line(&mut text, "state", &state);
    line(&mut text, "folder", &report.folder.display().to_string());
    line(&mut text, "data", &units::bytes(report.data_bytes as f64));
    if let Some(size) = report.cluster {
        line(&mut text, "Redis", &format!("{size}; --redis-url may name any of its nodes"));
    }
    for server in &report.servers {
        describe_server(&mut text, server);
    }
    text
}

fn describe_server(text: &mut String, server: &ServerReport) {
    let state = if server.running { String::new() } else { " (has ended)".to_owned() };
    line(text, &server.flavor, &format!("{}, process {}{state}", server.version, server.pid));
    line(text, "  address", &server.address);
    line(text, "  socket", &server.socket.display().to_string());
    line(text, "  log in", &server.login);
}

/// Paths and commands are copied: what is too long for the page has a line of its own, which is not
/// broken.
fn line(text: &mut String, name: &str, value: &str) {
    const COLUMNS: usize = 80;
    let is_prose = name == "state";
    if !is_prose && console::measure_text_width(value) + 11 > COLUMNS {
        text.push_str(&format!("{name}\n    {value}\n"));
    } else {
        text.push_str(&format!("{name:<10} {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_never_broken() {
        let mut text = String::new();
        line(&mut text, "  log in", "redis-cli -p 1");
        let long = format!("REDISCLI_AUTH=$(cat /{}) redis-cli -p 1", "x".repeat(60));
        line(&mut text, "  log in", &long);
        assert_eq!(text, format!("  log in   redis-cli -p 1\n  log in\n    {long}\n"));
    }
}
