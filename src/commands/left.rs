//! What a command leaves behind on the servers and on disk, in one line, with the command that removes it.

use std::fmt;
use std::time::Duration;

use super::servers::{self, Servers};
use crate::config::Settings;
use crate::{advice, sandbox, units};

/// What stays when a command is over.
pub(super) struct Left {
    /// On servers that run on.
    on_servers: Vec<String>,
    /// The sandbox's folder and what it takes.
    sandbox: Option<(String, u64)>,
}

impl Left {
    /// Looks at the servers of a command that has seeded or measured; with the time to live of the entries that it wrote,
    /// if it wrote any.
    pub(super) fn behind(
        servers: &Servers,
        settings: &Settings,
        ttl: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let mut on_servers = Vec::new();
        if !servers.mysql_is_transient() {
            let database = &servers.mysql()?.database;
            on_servers.push(format!("the tables users and rcache_meta in database {database:?}"));
        }
        if let Some(ttl) = ttl.filter(|_| !servers.redis_is_ephemeral()) {
            let most = units::duration(ttl.as_secs_f64() * 1e9);
            on_servers
                .push(format!("entries of namespace {:?} in Redis for {most} at most", settings.namespace));
        }
        let sandbox = if servers.mysql_in_sandbox || servers.redis_in_sandbox {
            let report = sandbox::status(&servers::sandbox_dir(settings)?)?;
            report.map(|report| (report.folder.display().to_string(), report.data_bytes))
        } else {
            None
        };
        Ok(Self { on_servers, sandbox })
    }
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
}
