//! The remains of a command on the servers and on disk, in one line, with the command that removes
//! them.

use std::fmt;
use std::time::Duration;

use super::console::Console;
use super::servers::{self, Need};
use crate::config::Settings;
use crate::run_file::Run;
use crate::{advice, sandbox, units};

/// The tables and entries that a command has made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    /// The tables users and rcache_meta are there.
    pub(super) tables: bool,
    /// The lifetime of the entries that it wrote, if it wrote any.
    pub(super) entries: Option<Duration>,
}

/// The remains of a command that is over.
pub(super) struct Left {
    /// On servers that run on.
    on_servers: Vec<String>,
    /// The sandbox's folder and what it takes.
    sandbox: Option<(String, u64)>,
}

impl Left {
    /// Looks when the servers that were started for the command have stopped.
    pub(super) fn behind(settings: &Settings, need: Need, made: Made) -> anyhow::Result<Self> {
        let (mysql, redis) = (settings.mysql()?, settings.redis()?);
        let in_sandbox = (mysql.is_none() && need != Need::Redis) || (redis.is_none() && need != Need::Mysql);
        let (kept, report) = if in_sandbox {
            let dir = servers::sandbox_dir(settings)?;
            (sandbox::kept_servers(&dir)?, sandbox::status(&dir)?)
        } else {
            (None, None)
        };
        let (kept_mysql, kept_redis) = kept.unzip();
        let mut on_servers = Vec::new();
        if let Some(endpoint) = mysql.or(kept_mysql).filter(|_| made.tables) {
            on_servers.push(format!("the tables users and rcache_meta in database {:?}", endpoint.database));
        }
        if let Some(ttl) = made.entries.filter(|_| redis.or(kept_redis).is_some()) {
            let most = units::duration(ttl.as_secs_f64() * 1e9);
            on_servers
                .push(format!("entries of namespace {:?} in Redis for {most} at most", settings.namespace));
        }
        let sandbox = report.map(|report| (report.folder.display().to_string(), report.data_bytes));
        Ok(Self { on_servers, sandbox })
    }

    /// Says it. That it cannot be told changes nothing about what the command has done.
    pub(super) fn report(settings: &Settings, need: Need, made: Made, console: &Console) {
        match Self::behind(settings, need, made) {
            Ok(left) if left.on_servers.is_empty() && left.sandbox.is_none() => {}
            Ok(left) => console.note(&left.to_string()),
            Err(error) => console.warning(&format!("what is left behind is not known: {error:#}")),
        }
    }
}

/// The lifetime of the entries that a run wrote, if it wrote any.
pub(super) fn entries_of(run: &Run, ttl: Duration) -> Option<Duration> {
    let paths = run.workloads.iter().flat_map(|workload| &workload.paths);
    let written = |count: Option<u64>| count.is_some_and(|count| count > 0);
    paths.into_iter().any(|path| written(path.hits) || written(path.misses)).then_some(ttl)
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.on_servers.is_empty() {
            parts.push(format!(
                "{}; `{}` removes them",
                self.on_servers.join(", "),
                advice::command("clean")
            ));
        }
        if let Some((folder, bytes)) = &self.sandbox {
            let size = units::bytes(*bytes as f64);
            parts.push(format!(
                "the sandbox in {folder} ({size}); `{}` deletes it",
                advice::command("sandbox destroy")
            ));
        }
        if parts.is_empty() {
            return f.write_str("Nothing is left behind.");
        }
        write!(f, "Left behind: {}.", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_comes_with_the_command_that_removes_it() {
        let left = Left {
            on_servers: vec!["the tables users and rcache_meta in database \"x\"".to_owned()],
            sandbox: Some(("/s".to_owned(), 1 << 27)),
        };
        assert_eq!(
            left.to_string(),
            "Left behind: the tables users and rcache_meta in database \"x\"; `rcache clean` removes them; \
             the sandbox in /s (128 MiB); `rcache sandbox destroy` deletes it."
        );
    }

    #[test]
    fn entries_are_left_only_by_a_run_that_wrote_some() {
        let ttl = Duration::from_secs(60);
        let mut run = crate::report::sample_runs::full(100);
        assert_eq!(entries_of(&run, ttl), Some(ttl));
        for path in run.workloads.iter_mut().flat_map(|workload| &mut workload.paths) {
            (path.hits, path.misses) = (path.hits.map(|_| 0), path.misses.map(|_| 0));
        }
        assert_eq!(entries_of(&run, ttl), None, "every write failed");
        run.workloads.clear();
        assert_eq!(entries_of(&run, ttl), None);
    }
}
